/**
 * The load of the idle connections: raw TCP clients on Bun, which share no code with the library.
 *
 * `bun bench/load-idle.mjs '{"port": 1, "kind": "ws"}'` takes lines on standard input and answers each with a line of
 * JSON: `{"open": 1000}` opens connections up to so many, `{"echo": true}` has a message of 16 B come back on each.
 * `kind` is "ws" or "tcp".
 */

import process from "node:process";
import { createInterface } from "node:readline";

const { port, kind } = JSON.parse(process.argv[2]);

/** How many connect at the same time: more than that a listener may not let wait. */
const atOnce = 100;

const maskKey = [0x37, 0xfa, 0x21, 0x3d];
const payload = Uint8Array.from({ length: 16 }, (_, i) => (i * 31 + 7) & 255);
const masked = payload.map((byte, i) => byte ^ maskKey[i & 3]);
const request =
  kind === "ws" ? Buffer.from([0x82, 0x80 | 16, ...maskKey, ...masked]) : Buffer.from(payload);
const reply = kind === "ws" ? Buffer.from([0x82, 16, ...payload]) : request;

const handshake =
  `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const sockets = [];
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

function connect() {
  return new Promise((resolve) => {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket) {
          socket.data = { received: "", isDone: (text) => text.endsWith("\r\n\r\n"), resolve };
          if (kind === "tcp") resolve(socket);
          else socket.write(handshake);
        },
        data(socket, chunk) {
          const client = socket.data;
          client.received += chunk.toString("latin1");
          if (!client.isDone(client.received)) return;
          client.received = "";
          client.resolve(socket);
        },
        close() {
          if (!isOver) fail("the server closed a connection");
        },
        connectError(_, error) {
          fail(String(error));
        },
      },
    }).catch((error) => fail(String(error)));
  });
}

/** Has a message come back; anything else that comes is a failure. */
function echo(socket) {
  return new Promise((resolve) => {
    const expected = reply.toString("latin1");
    socket.data.isDone = (text) => {
      if (!expected.startsWith(text)) fail("a reply differs from what was sent");
      return text === expected;
    };
    socket.data.resolve = resolve;
    socket.write(request);
  });
}

async function openAll(count) {
  while (sockets.length < count && failure === undefined) {
    const next = Math.min(atOnce, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: next }, connect))));
  }
}

async function echoAll() {
  for (let at = 0; at < sockets.length && failure === undefined; at += atOnce) {
    await Promise.all(sockets.slice(at, at + atOnce).map(echo));
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { open } = JSON.parse(line);
  await Promise.race([open === undefined ? echoAll() : openAll(open), failed]);
  console.log(JSON.stringify({ connections: sockets.length, failure }));
}
isOver = true;
process.exit(0);
