/**
 * Plain sockets on the runtime at hand: what they can do when nobody looks at the bytes. The first argument says what they
 * do: "echo" sends what comes back; "handshake" answers it with a fixed 101.
 */

import process from "node:process";

import { ready } from "./ready.mjs";

const hostname = "127.0.0.1";

/** The answer to the one key that the load sends. */
const response = new TextEncoder().encode(
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
);
/** What goes back for what has come. */
const answer = process.argv[2] === "handshake" ? () => response : (chunk) => chunk;

async function onNode() {
  const { createServer } = await import("node:net");
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      if (socket.write(answer(chunk))) return;
      socket.pause();
      socket.once("drain", () => socket.resume());
    });
  });
  await new Promise((resolve) => server.listen(0, hostname, resolve));
  return server.address().port;
}

function onDeno() {
  const listener = Deno.listen({ port: 0, hostname });
  async function echo(conn) {
    const buffer = new Uint8Array(64 * 1024);
    try {
      conn.setNoDelay(true);
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        const bytes = answer(buffer.subarray(0, count));
        for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      }
    } catch {
      // The client has gone.
    } finally {
      conn.close();
    }
  }
  (async () => {
    for (;;) {
      try {
        void echo(await listener.accept());
      } catch {
        // A client that has gone before it was accepted; an iterator would end here, and the server with it.
      }
    }
  })();
  return listener.addr.port;
}

function onBun() {
  const listener = Bun.listen({
    port: 0,
    hostname,
    socket: {
      binaryType: "uint8array",
      open(socket) {
        socket.setNoDelay(true);
        socket.data = [];
      },
      data(socket, chunk) {
        const bytes = answer(chunk);
        const taken = socket.data.length > 0 ? 0 : socket.write(bytes);
        if (taken < bytes.length) socket.data.push(bytes.subarray(Math.max(taken, 0)));
      },
      drain(socket) {
        const waiting = socket.data;
        while (waiting.length > 0) {
          const taken = socket.write(waiting[0]);
          if (taken < waiting[0].length) {
            waiting[0] = waiting[0].subarray(Math.max(taken, 0));
            return;
          }
          waiting.shift();
        }
      },
    },
  });
  return listener.port;
}

const start = globalThis.Bun ? onBun : globalThis.Deno ? onDeno : onNode;
ready(await start());
