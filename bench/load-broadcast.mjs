/**
 * The load of the broadcast: raw TCP clients on Bun, one of which sends a message; when it has come to all of them, and
 * every byte of it was right, the next one is sent. It shares no code with the library.
 *
 * `bun bench/load-broadcast.mjs '{"port": 1, "kind": "ws", "size": 128, "clients": 1000, "warm": 300, "measure": 1000}'`
 * prints `{"messages": ..., "seconds": ...}`, messages being those that came in, and seconds of the server's CPU as `cpu`
 * where its `pid` is given. `kind` is "ws", or "tcp" for servers/tcp.mjs; times are milliseconds.
 */

import { countInWindow } from "./load-window.mjs";

const { port, pid, kind, size, clients, warm, measure } = JSON.parse(process.argv[2]);

if (size < 4 || size > 65_535) throw new RangeError(`Size must be 4 to 65535: ${size}`);
const maskKey = [0x37, 0xfa, 0x21, 0x3d];
const length = size < 126 ? [size] : [126, size >> 8, size & 255];

const payload = new Uint8Array(size).map((_, i) => (i * 31 + 7) & 255);
const head = kind === "ws" ? Buffer.from([0x82, ...length]) : Buffer.alloc(0);
/** What comes in; its first bytes are the number of the message. */
const expected = Buffer.concat([head, payload]);

function nextRequest(number) {
  new DataView(payload.buffer).setUint32(0, number);
  expected.set(payload, head.length);
  if (kind === "tcp") return expected;
  const masked = [0x82, length[0] | 0x80, ...length.slice(1), ...maskKey];
  return Buffer.concat([Buffer.from(masked), payload.map((byte, i) => byte ^ maskKey[i & 3])]);
}

let messages = 0;
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

let sockets = [];
let number = 0;
let missing = 0;

function sendNext() {
  const request = nextRequest(number++);
  for (const socket of sockets) socket.data.received = 0;
  missing = clients;
  if (sockets[0].write(request) !== request.length) fail("a message was not taken at once");
}

function receive(socket, chunk) {
  const client = socket.data;
  const end = client.received + chunk.length;
  if (end > expected.length) return fail("more came than was sent");
  if (Buffer.compare(chunk, expected.subarray(client.received, end)) !== 0) {
    return fail(`message ${number} differs from what was sent`);
  }
  client.received = end;
  if (end < expected.length) return;
  messages++;
  missing--;
  if (missing === 0) sendNext();
}

const handshake =
  `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

function connect() {
  return new Promise((resolve) => {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket) {
          socket.setNoDelay(true);
          socket.data = { head: "", isOpen: false, received: 0 };
          if (kind === "ws") socket.write(handshake);
        },
        data(socket, chunk) {
          if (socket.data.isOpen) {
            receive(socket, chunk);
            return;
          }
          socket.data.head += chunk.toString("latin1");
          const { head } = socket.data;
          // Plain sockets say so when they know each other.
          if (!head.includes(kind === "ws" ? "\r\n\r\n" : "!")) return;
          if (kind === "ws" && !head.startsWith("HTTP/1.1 101")) fail(head);
          socket.data.isOpen = true;
          resolve(socket);
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

/** Opens them a hundred at a time: more than that a listener may not let wait. */
async function connectAll() {
  const all = [];
  while (all.length < clients) {
    const count = Math.min(100, clients - all.length);
    all.push(...(await Promise.all(Array.from({ length: count }, connect))));
  }
  // Some servers get to know a connection later than its client has the answer.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return all;
}

sockets = (await Promise.race([connectAll(), failed])) ?? [];
if (failure === undefined) sendNext();
const result = await countInWindow({ pid, warm, measure }, () => ({ messages }), failed);
isOver = true;
console.log(JSON.stringify(failure === undefined ? result : { failure }));
process.exit(0);
