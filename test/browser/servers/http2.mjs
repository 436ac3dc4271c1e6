/**
 * An echo on a server of node:http2 with TLS: the same file on every runtime. `CERTIFICATE=... KEY=... http2.mjs
 * [--compression]` prints `listening on PORT`; GET /seen tells what it has seen.
 */

import { createSecureServer } from "node:http2";
import process from "node:process";
import { serve } from "framewire/auto";

const { CERTIFICATE: cert, KEY: key } = process.env;
const compression = process.argv.includes("--compression");

/** Protocols that extended CONNECTs asked for, and upgrades of HTTP/1.1. */
const seen = { protocols: [], upgrades: 0 };

const http2 = createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
  const isPage = request.url === "/";
  response.setHeader("content-type", isPage ? "text/html" : "application/json");
  response.end(isPage ? "<title>page</title>" : JSON.stringify(seen));
});
http2.on("stream", (_, { ":protocol": protocol }) => {
  if (protocol !== undefined) seen.protocols.push(protocol);
});
http2.on("upgrade", () => seen.upgrades++);
await serve(
  // Its only peer is the test's browser.
  { server: http2, compression, http2MayCrash: true },
  {
    upgrade: (request) => ({ protocol: request.protocols[0] }),
    message: (ws, data) => ws.send(data),
  },
);
http2.listen(0, "127.0.0.1", () => console.log(`listening on ${http2.address().port}`));
