/**
 * The load of the busy handler: a raw TCP client on Bun, which shares no code with the library. Its connections come one
 * after the other; each sends a message, waits until the handler has sent it back, which then is at work, and sends a ping
 * or a close frame.
 *
 * `bun bench/load-busy.mjs '{"port": 1, "sends": "ping", "connections": 20, "warm": 300, "measure": 1000}'` prints
 * `{"messages": ..., "waits": [...]}`: how many connections were measured, and the median of the milliseconds until the
 * pong; where it sends "close", until the close frame, and until the end of the connection. At most so many connections
 * are made in each of the two times, and one at least.
 */

import { median } from "./statistics.mjs";

const { port, sends, connections, warm, measure } = JSON.parse(process.argv[2]);

const maskKey = [0x37, 0xfa, 0x21, 0x3d];

/** A frame of the client, and the one that the server answers with. */
function frames(opcode, payload, answer = opcode) {
  return {
    request: Buffer.from([
      0x80 | opcode,
      0x80 | payload.length,
      ...maskKey,
      ...payload.map((byte, i) => byte ^ maskKey[i & 3]),
    ]),
    reply: Buffer.from([0x80 | answer, payload.length, ...payload]).toString("latin1"),
  };
}

const message = frames(0x2, [1, 2, 3, 4]);
const ping = frames(0x9, [5, 6, 7, 8], 0xa);
/** With status 1000. */
const close = frames(0x8, [0x03, 0xe8]);

const handshake =
  `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** Connects; gives the socket when the handshake is done. */
function connect() {
  return new Promise((resolve, reject) => {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open(socket) {
          socket.setNoDelay(true);
          const client = { received: "", resolve, reject };
          client.isDone = (text) => text.endsWith("\r\n\r\n");
          client.ended = new Promise((end) => (client.end = end));
          socket.data = client;
          socket.write(handshake);
        },
        data(socket, chunk) {
          const client = socket.data;
          client.received += chunk.toString("latin1");
          if (!client.isDone(client.received)) return;
          client.received = "";
          client.resolve(socket);
        },
        close({ data: client }) {
          client.reject(new Error("the server closed a connection"));
          client.end();
        },
        connectError(_, error) {
          reject(error);
        },
      },
    }).catch(reject);
  });
}

/** Sends a frame and waits for its reply; anything else that comes is a failure. */
function exchange(socket, { request, reply }) {
  return new Promise((resolve, reject) => {
    const isDone = (text) => {
      if (!reply.startsWith(text)) reject(new Error("a reply differs from what was expected"));
      return text === reply;
    };
    Object.assign(socket.data, { resolve, reject, isDone });
    socket.write(request);
  });
}

/** What one connection has waited for, in milliseconds. */
async function waitsOfOne() {
  const socket = await connect();
  await exchange(socket, message);
  const waits = [];
  const start = performance.now();
  await exchange(socket, sends === "ping" ? ping : close);
  waits.push(performance.now() - start);
  if (sends === "ping") {
    socket.terminate();
  } else {
    await socket.data.ended;
    waits.push(performance.now() - start);
  }
  return waits;
}

/** The waits of one connection after the other, for so long. */
async function waitsOfAll(milliseconds) {
  const end = performance.now() + milliseconds;
  const all = [];
  do all.push(await waitsOfOne());
  while (all.length < connections && performance.now() < end);
  return all;
}

let result;
try {
  await waitsOfAll(warm);
  const all = await waitsOfAll(measure);
  const waits = all[0].map((_, i) => median(all.map((each) => each[i])));
  result = { messages: all.length, waits };
} catch (error) {
  result = { failure: error.message };
}
console.log(JSON.stringify(result));
process.exit(0);
