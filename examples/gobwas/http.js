// An echo behind a node:http server, which answers everything else itself. The same file runs on Node, Deno and Bun.
// Try it: open the address in a browser, and in its console: ws = new WebSocket(location.href.replace("http", "ws"))
import { createServer } from "node:http";
import process from "node:process";
import { upgradeHttp } from "framewire/handshake";
import { newSocketStream } from "framewire/node";
import { readClientData, writeServerMessage } from "framewire/stream";

const server = createServer((_, res) => void res.end("Plain HTTP here, WebSocket beside it\n"));

server.on("upgrade", async (request, socket, head) => {
  const conn = newSocketStream(socket);
  try {
    const stream = await upgradeHttp(request, conn, head);
    for (;;) {
      const { opcode, payload } = await readClientData(stream);
      await writeServerMessage(stream, opcode, payload);
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    await conn.close();
  }
});

server.listen(Number(process.env.PORT ?? 8080), () => {
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(`echo on ws://localhost:${port}`);
});
