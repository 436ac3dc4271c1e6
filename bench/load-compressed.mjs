/**
 * The load of the compressed echo: a raw TCP client on Bun that sends JSON, compressed beforehand, and decompresses and
 * compares every reply. It speaks just enough WebSocket for that, and shares no code with the library.
 *
 * `bun bench/load-compressed.mjs '{"port": 1, "size": 128, "takeover": true, "connections": 64, "inFlight": 16,
 * "warm": 300, "measure": 1000}'` prints `{"messages": ..., "seconds": ..., "bytes": ...}`: bytes of replies on the wire;
 * and seconds of the server's CPU as `cpu` where its `pid` is given.
 */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { countInWindow } from "./load-window.mjs";

const { port, pid, size, takeover, connections, inFlight, warm, measure } = JSON.parse(
  process.argv[2],
);

/** JSON that differs from message to message as such messages do, of exactly so many bytes. */
function json(index) {
  const ticks = [];
  let text = "";
  for (let i = index * 7; text.length < size; i++) {
    const price = ((i * 7919) % 100000) / 100;
    ticks.push({ id: 100000 + i, symbol: ["ACME", "INIT", "GLOB", "HOLI"][i % 4], price });
    text = JSON.stringify({ type: "tick", time: 1700000000000 + index * 37, ticks });
  }
  return new TextEncoder().encode(text.slice(0, size));
}

// So many that a window holds nothing but the messages of one round: then the second round's bytes are right for ever.
const round = takeover ? Math.max(16, Math.ceil(65536 / size)) : 16;
const messages = Array.from({ length: round }, (_, i) => json(i));

/** A stream of zlib, called synchronously. */
class Stream {
  constructor(stream) {
    this.stream = stream;
    this.into = new Uint8Array(256 * 1024);
    this.failure = undefined;
    stream._handle.onerror = (message) => {
      this.failure = message;
    };
  }

  /** Gives a view of what comes out. */
  run(bytes) {
    const { _handle, _writeState } = this.stream;
    _handle.writeSync(
      constants.Z_SYNC_FLUSH,
      bytes,
      0,
      bytes.length,
      this.into,
      0,
      this.into.length,
    );
    if (this.failure !== undefined) throw new Error(this.failure);
    return this.into.subarray(0, this.into.length - _writeState[0]);
  }

  reset() {
    this.stream._handle.reset();
  }
}

/** A text frame of a client, with RSV1 and a mask. */
function frame(payload) {
  const { length } = payload;
  const short = length < 126;
  const head = short ? [0xc1, 0x80 | length] : [0xc1, 0xfe, length >> 8, length & 255];
  const key = [0x37, 0xfa, 0x21, 0x3d];
  return Buffer.concat([
    Buffer.from([...head, ...key]),
    payload.map((byte, i) => byte ^ key[i & 3]),
  ]);
}

/** The frames of the first round, and of all that follow. */
function rounds(windowBits) {
  const deflater = new Stream(createDeflateRaw({ windowBits, level: 6 }));
  return [0, 1].map(() =>
    messages.map((message) => {
      if (!takeover) deflater.reset();
      return frame(deflater.run(message).slice(0, -4));
    }),
  );
}

let requests;
let counted = 0;
let bytes = 0;
let failure;
let finish;
let isOver = false;
const failed = new Promise((resolve) => {
  finish = resolve;
});

function fail(reason) {
  failure ??= reason;
  finish();
}

/** What is sent next, kept in one piece where the kernel does not take it. */
function send(socket, count) {
  const client = socket.data;
  const frames = [];
  for (let i = 0; i < count; i++, client.sent++) {
    frames.push(requests[client.sent < round ? 0 : 1][client.sent % round]);
  }
  client.unsent = Buffer.concat([client.unsent, ...frames]);
  push(socket);
}

function push(socket) {
  const client = socket.data;
  if (client.unsent.length === 0) return;
  const taken = socket.write(client.unsent);
  if (taken > 0) client.unsent = client.unsent.subarray(taken);
}

const tail = Uint8Array.of(0, 0, 0xff, 0xff);

/** Takes one reply, and compares it. */
function take(client, isCompressed, payload) {
  const expected = messages[client.received++ % round];
  let reply = payload;
  if (isCompressed) {
    if (!takeover) client.inflater.reset();
    reply = client.inflater.run(Buffer.concat([payload, tail]));
  }
  if (Buffer.compare(reply, expected) !== 0) fail(`reply ${client.received} differs`);
}

function receive(socket, chunk) {
  const client = socket.data;
  const data = client.rest.length === 0 ? chunk : Buffer.concat([client.rest, chunk]);
  let at = 0;
  let complete = 0;
  while (data.length - at >= 2) {
    const short = data[at + 1];
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (data.length - at < head) break;
    const length =
      short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : data.readUInt32BE(at + 6);
    if (data.length - at < head + length) break;
    take(client, (data[at] & 0x40) !== 0, data.subarray(at + head, at + head + length));
    at += head + length;
    complete++;
  }
  bytes += at;
  client.rest = Buffer.from(data.subarray(at));
  counted += complete;
  if (complete > 0 && failure === undefined) send(socket, complete);
}

const offer = takeover
  ? "permessage-deflate; client_max_window_bits"
  : "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const handshake =
  `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n` +
  `Sec-WebSocket-Extensions: ${offer}\r\n\r\n`;

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
            isOpen: false,
            unsent: Buffer.alloc(0),
            rest: Buffer.alloc(0),
            sent: 0,
            received: 0,
            inflater: new Stream(createInflateRaw({ windowBits: 15 })),
          };
          socket.write(handshake);
        },
        data(socket, chunk) {
          if (socket.data.isOpen) {
            receive(socket, chunk);
            return;
          }
          socket.data.head += chunk.toString("latin1");
          const { head } = socket.data;
          if (!head.includes("\r\n\r\n")) return;
          if (!/^HTTP\/1\.1 101[^]*permessage-deflate/i.test(head)) fail(head);
          const [, bits] = /client_max_window_bits=(\d+)/.exec(head) ?? [];
          requests ??= rounds(Number(bits ?? 15));
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

const sockets = await Promise.race([
  Promise.all(Array.from({ length: connections }, connect)),
  failed,
]);
if (failure === undefined) for (const socket of sockets) send(socket, inFlight);
const count = () => ({ messages: counted, bytes });
const result = await countInWindow({ pid, warm, measure }, count, failed);
isOver = true;
console.log(JSON.stringify(failure === undefined ? result : { failure }));
process.exit(0);
