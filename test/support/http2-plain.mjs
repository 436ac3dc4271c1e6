/**
 * A server of `node:http2` that answers and reads, and takes extended CONNECTs: plain, with nothing of framewire in it, or
 * with framewire's on top of it (`framewire`). It prints its port, and what it cannot do.
 */

import { createServer } from "node:http2";
import process from "node:process";
import { serve } from "framewire/auto";

const ignore = () => {};
const http2 = createServer({ settings: { enableConnectProtocol: true } });
http2.on("session", (session) => session.on("error", ignore));
http2.on("sessionError", ignore);

if (process.argv[2] === "framewire") {
  try {
    await serve({ server: http2 }, { message: (ws, data) => ws.send(data) });
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
    process.exit(3);
  }
} else {
  http2.on("stream", (stream) => {
    stream.on("error", ignore);
    // Gone before it was told of, where a GOAWAY came right behind.
    if (stream.destroyed) return;
    stream.respond({ ":status": 200 });
    stream.resume();
  });
}
http2.listen(0, "127.0.0.1", () => console.log(`listening on ${http2.address().port}`));
