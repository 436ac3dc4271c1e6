/**
 * Plain sockets on the runtime at hand: what they can do when nobody looks at the bytes. The first argument says what they
 * do: "echo" sends what comes back; "idle" does so with little room; "handshake" answers it with a fixed 101; "broadcast" sends it to all,
 * and greets each with a "!" as soon as it is one of them.
 */

import process from "node:process";
import { ready } from "./ready.mjs";

const hostname = "127.0.0.1";
const [kind = "echo"] = process.argv.slice(2);
const isBroadcast = kind === "broadcast";

/** The answer to the one key that the load sends. */
const response = new TextEncoder().encode(
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
);
/** What goes back for what has come. */
const answer = kind === "handshake" ? () => response : (chunk) => chunk;

const sockets = new Set();
const greeting = new TextEncoder().encode("!");

async function onNode() {
  const { createServer } = await import("node:net");
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    if (isBroadcast) {
      sockets.add(socket);
      socket.write(greeting);
      socket.on("close", () => sockets.delete(socket));
    }
    socket.on("data", (chunk) => {
      if (isBroadcast) {
        for (const other of sockets) other.write(chunk);
        return;
      }
      if (socket.write(answer(chunk))) return;
      socket.pause();
      socket.once("drain", () => socket.resume());
    });
  });
  await new Promise((resolve) => server.listen(0, hostname, resolve));
  return server.address().port;
}

async function writeAll(conn, bytes) {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function onDeno() {
  const listener = Deno.listen({ port: 0, hostname });
  async function serve(conn) {
    const buffer = new Uint8Array(kind === "idle" ? 1024 : 64 * 1024);
    try {
      conn.setNoDelay(true);
      if (isBroadcast) {
        sockets.add(conn);
        await conn.write(greeting);
      }
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        const bytes = answer(buffer.subarray(0, count));
        if (isBroadcast) await Promise.all(Array.from(sockets, (other) => writeAll(other, bytes)));
        else await writeAll(conn, bytes);
      }
    } catch {
      // The client has gone.
    } finally {
      sockets.delete(conn);
      conn.close();
    }
  }
  (async () => {
    for (;;) {
      try {
        void serve(await listener.accept());
      } catch {
        // A client that has gone before it was accepted; an iterator would end here, and the server with it.
      }
    }
  })();
  return listener.addr.port;
}

/** Sends what the kernel takes; the rest waits for `drain`. */
function sendOnBun(socket, bytes) {
  const taken = socket.data.length > 0 ? 0 : socket.write(bytes);
  if (taken < bytes.length) socket.data.push(bytes.subarray(Math.max(taken, 0)));
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
        if (isBroadcast) {
          sockets.add(socket);
          socket.write(greeting);
        }
      },
      data(socket, chunk) {
        if (isBroadcast) for (const other of sockets) sendOnBun(other, chunk);
        else sendOnBun(socket, answer(chunk));
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
      close(socket) {
        sockets.delete(socket);
      },
    },
  });
  return listener.port;
}

const start = globalThis.Bun ? onBun : globalThis.Deno ? onDeno : onNode;
ready(await start());
