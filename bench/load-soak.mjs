/**
 * The load of the soak: raw TCP clients on Node, which speak just enough WebSocket and share no code with the library.
 *
 * `node bench/load-soak.mjs '{"port": 1, "connections": 5000, "atOnce": 100}'` opens the connections, so many at a time,
 * and has messages of 16 B to 4 KiB echoed on each. Then it prints `{"open": 5000}` and waits for a line on standard
 * input; then it ends each connection in one of five ways, and prints what it saw: `{"ends": {...}, "failure": ...}`.
 */

import { connect } from "node:net";
import process from "node:process";
import { once } from "node:events";

const { port, connections, atOnce } = JSON.parse(process.argv[2]);

const maskKey = [0x37, 0xfa, 0x21, 0x3d];

function frame(opcode, payload, key) {
  const masked = key ? 0x80 : 0;
  const length =
    payload.length < 126
      ? [masked | payload.length]
      : [masked | 126, payload.length >> 8, payload.length & 255];
  const body = key ? payload.map((byte, i) => byte ^ key[i & 3]) : payload;
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, ...(key ?? [])]), body]);
}

function closeBody(status, reason) {
  return Buffer.concat([Buffer.from([status >> 8, status & 255]), Buffer.from(reason)]);
}

const payloads = [16, 125, 126, 1024, 4096].map((size) =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + size) & 255)),
);
const requests = Buffer.concat(payloads.map((payload) => frame(2, payload, maskKey)));
const replies = Buffer.concat(payloads.map((payload) => frame(2, payload)));

const handshake =
  `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** A connection, and what came on it that nobody has taken yet. */
class Client {
  received = Buffer.alloc(0);
  error;
  #waiting;

  constructor() {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    this.hasEnded = new Promise((resolve) => {
      this.socket.once("end", resolve).once("close", resolve);
    });
    this.socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#waiting?.();
    });
    this.socket.on("error", (error) => {
      this.error = error;
    });
    void this.hasEnded.then(() => this.#waiting?.());
  }

  /** Takes so many bytes, or as many as come before the end. */
  async take(count) {
    while (this.received.length < count && !this.socket.readableEnded && !this.socket.destroyed) {
      await new Promise((resolve) => {
        this.#waiting = resolve;
      });
    }
    const bytes = this.received.subarray(0, count);
    this.received = Buffer.from(this.received.subarray(count));
    return bytes;
  }

  /** The response has come up to its empty line. */
  async head() {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) {
      const byte = await this.take(1);
      if (byte.length === 0) throw new Error(`no handshake: ${this.error ?? head}`);
      head += byte.toString("latin1");
    }
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(`no handshake: ${head}`);
  }
}

async function open() {
  const client = new Client();
  client.socket.write(handshake);
  await client.head();
  client.socket.write(requests);
  if (!(await client.take(replies.length)).equals(replies)) throw new Error("a reply differs");
  return client;
}

/** The end of the server's stream, with nothing before it but the bytes that are expected. */
async function endOf(client, expected) {
  const bytes = await client.take(expected.length + 1);
  await client.hasEnded;
  if (!bytes.equals(expected)) throw new Error(`unexpected bytes: ${bytes.toString("latin1")}`);
  client.socket.end();
}

/** Ways to end a connection, in equal parts. */
const ways = {
  async "close frame by the client"(client) {
    client.socket.write(frame(8, closeBody(1000, "bye"), maskKey));
    await endOf(client, frame(8, closeBody(1000, "bye")));
  },
  async "close frame by the server"(client) {
    const body = closeBody(4001, "as asked");
    client.socket.write(frame(1, Buffer.from("close"), maskKey));
    const close = frame(8, body);
    if (!(await client.take(close.length)).equals(close)) throw new Error("no close frame");
    client.socket.write(frame(8, body, maskKey));
    await endOf(client, Buffer.alloc(0));
  },
  async "FIN by the client"(client) {
    client.socket.end();
    await endOf(client, Buffer.alloc(0));
  },
  async "reset by the client"(client) {
    client.socket.resetAndDestroy();
  },
  async "dropped by the server"(client) {
    client.socket.write(frame(1, Buffer.from("terminate"), maskKey));
    await endOf(client, Buffer.alloc(0));
  },
};

/** Does something for each, so many at a time. */
async function inBatches(items, act) {
  for (let at = 0; at < items.length; at += atOnce) {
    await Promise.all(items.slice(at, at + atOnce).map(act));
  }
}

const clients = [];
const ends = Object.fromEntries(Object.keys(ways).map((name) => [name, 0]));
let failure;
try {
  await inBatches(Array.from({ length: connections }), async () => clients.push(await open()));
  console.log(JSON.stringify({ open: clients.length }));
  await once(process.stdin, "data");
  const names = Object.keys(ways);
  await inBatches([...clients.entries()], async ([i, client]) => {
    const name = names[i % names.length];
    await ways[name](client);
    if (!client.socket.destroyed) await once(client.socket, "close");
    ends[name]++;
  });
} catch (error) {
  failure = String(error);
}
console.log(JSON.stringify({ ends, failure }));
process.exit(0);
