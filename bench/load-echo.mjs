/**
 * The load: a raw TCP client on Bun, which keeps a number of messages in flight on each of its connections and
 * compares every byte that comes back. It speaks just enough WebSocket for that, and shares no code with the library.
 *
 * `bun bench/load-echo.mjs '{"port": 1, "kind": "ws", "size": 16, "connections": 64, "inFlight": 16, "warm": 300,
 * "measure": 1000}'` prints `{"messages": ..., "seconds": ...}`, and seconds of the server's CPU as `cpu` where its `pid` is
 * given. `kind` is "ws" or "tcp"; `text` is "ascii" or "mixed" for messages of text; times are milliseconds.
 */

import { countInWindow } from "./load-window.mjs";

const { port, pid, kind, size, text, connections, inFlight, warm, measure } = JSON.parse(
  process.argv[2],
);

/** One frame, masked or not. */
function frame(payload, maskKey) {
  const masked = maskKey ? 0x80 : 0;
  const length =
    payload.length < 126
      ? [masked | payload.length]
      : payload.length < 65536
        ? [masked | 126, payload.length >> 8, payload.length & 255]
        : [
            masked | 127,
            0,
            0,
            0,
            0,
            ...[24, 16, 8, 0].map((bits) => (payload.length >>> bits) & 255),
          ];
  const body = maskKey ? payload.map((byte, i) => byte ^ maskKey[i & 3]) : payload;
  return Buffer.concat([Buffer.from([text ? 0x81 : 0x82, ...length, ...(maskKey ?? [])]), body]);
}

/** Many times the same bytes, at least `least` of them. */
function repeated(bytes, least) {
  return Buffer.concat(Array(Math.ceil(least / bytes.length)).fill(bytes));
}

const texts = {
  ascii: "The quick brown fox jumps over the lazy dog. ",
  // Characters of one to four bytes.
  mixed: "Größe, 東京, 5 € und 🙂 ",
};

/** So many bytes; of text, whole characters with blanks behind them. */
function makePayload() {
  if (text === undefined) return Uint8Array.from({ length: size }, (_, i) => (i * 31 + 7) & 255);
  const bytes = new Uint8Array(size).fill(32);
  new TextEncoder().encodeInto(texts[text].repeat(size), bytes);
  return bytes;
}

const payload = makePayload();
const request = frame(payload, [0x37, 0xfa, 0x21, 0x3d]);
const reply = kind === "ws" ? frame(payload) : request;
// Twice as many as are ever in flight: from any place in the first half, all of them can be sent in one go.
const batch = inFlight * request.length;
const requests = repeated(request, 2 * batch);
// What comes back repeats itself: from any place in a reply, the next megabyte can be compared in one go.
const comparable = 1024 * 1024;
const expected = repeated(reply, comparable + reply.length);

let messages = 0;
let failure;

function fail(reason) {
  failure ??= reason;
  finish?.();
}

/** Sends so many requests; what the kernel does not take waits for `drain`. */
function send(socket, count) {
  const client = socket.data;
  client.owed += count * request.length;
  push(socket);
}

function push(socket) {
  const client = socket.data;
  while (client.owed > 0) {
    const end = client.sentOfBatch + Math.min(client.owed, batch);
    const taken = socket.write(requests.subarray(client.sentOfBatch, end));
    if (taken <= 0) return;
    client.owed -= taken;
    client.sentOfBatch = (client.sentOfBatch + taken) % batch;
  }
}

function receive(socket, chunk) {
  const client = socket.data;
  for (let at = 0; at < chunk.length;) {
    const place = client.received % reply.length;
    const end = Math.min(chunk.length, at + comparable);
    if (Buffer.compare(chunk.subarray(at, end), expected.subarray(place, place + end - at)) !== 0) {
      fail(`a reply differs from what was sent, after ${client.received} bytes`);
      return;
    }
    const before = Math.floor(client.received / reply.length);
    client.received += end - at;
    at = end;
    const complete = Math.floor(client.received / reply.length) - before;
    messages += complete;
    client.ready += complete;
  }
  const { ready } = client;
  client.ready = 0;
  if (ready > 0) send(socket, ready);
}

const handshake =
  `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

function connect() {
  return new Promise((resolve) => {
    void Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket) {
          socket.setNoDelay(true);
          socket.data = {
            head: "",
            isOpen: kind === "tcp",
            owed: 0,
            sentOfBatch: 0,
            received: 0,
            ready: 0,
          };
          if (kind === "tcp") resolve(socket);
          else socket.write(handshake);
        },
        data(socket, chunk) {
          if (socket.data.isOpen) {
            receive(socket, chunk);
            return;
          }
          socket.data.head += chunk.toString("latin1");
          if (!socket.data.head.includes("\r\n\r\n")) return;
          if (!socket.data.head.startsWith("HTTP/1.1 101")) fail(socket.data.head);
          socket.data.isOpen = true;
          resolve(socket);
        },
        drain: push,
        close() {
          if (!isOver) fail("the server closed a connection");
        },
        connectError(_, error) {
          fail(String(error));
        },
      },
    });
  });
}

let finish;
let isOver = false;
const failed = new Promise((resolve) => {
  finish = resolve;
});
const sockets = await Promise.race([
  Promise.all(Array.from({ length: connections }, connect)),
  failed,
]);
if (failure === undefined) for (const socket of sockets) send(socket, inFlight);
const result = await countInWindow({ pid, warm, measure }, () => ({ messages }), failed);
isOver = true;
console.log(JSON.stringify(failure === undefined ? result : { failure }));
process.exit(0);
