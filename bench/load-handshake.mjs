/**
 * The load of the handshake benchmark: raw TCP clients on Bun, each of which connects, sends a browser's request,
 * checks the answer to the last byte that matters, drops the connection, and begins anew.
 *
 * `bun bench/load-handshake.mjs '{"port": 1, "clients": 32, "warm": 300, "measure": 1000}'` prints
 * `{"messages": ..., "seconds": ...}`, messages being handshakes, and seconds of the server's CPU as `cpu` where its `pid`
 * is given.
 */

import { countInWindow } from "./load-window.mjs";

const { port, pid, clients, warm, measure } = JSON.parse(process.argv[2]);

const request = Buffer.from(
  [
    "GET /chat?room=1 HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Upgrade: websocket",
    `Origin: http://127.0.0.1:${port}`,
    "Sec-WebSocket-Version: 13",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n"),
);
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

let handshakes = 0;
let failure;
let isOver = false;
let finish;
const failed = new Promise((resolve) => {
  finish = resolve;
});

function fail(reason) {
  failure ??= reason;
  finish();
}

function isAnswered(received) {
  if (!received.endsWith("\r\n\r\n")) return false;
  if (!received.startsWith("HTTP/1.1 101") || !received.includes(accept)) fail(received);
  return true;
}

function shake() {
  if (isOver || failure !== undefined) return;
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        socket.data = "";
        socket.write(request);
      },
      data(socket, chunk) {
        socket.data += chunk.toString("latin1");
        if (!isAnswered(socket.data)) return;
        handshakes++;
        socket.data = undefined;
        socket.terminate();
      },
      close(socket) {
        if (socket.data !== undefined && !isOver) fail("the server closed a connection");
        shake();
      },
      connectError(_, error) {
        fail(String(error));
      },
    },
  }).catch((error) => {
    fail(String(error));
  });
}

for (let i = 0; i < clients; i++) shake();
const count = () => ({ messages: handshakes });
const result = await countInWindow({ pid, warm, measure }, count, failed);
isOver = true;
console.log(JSON.stringify(failure === undefined ? result : { failure }));
process.exit(0);
