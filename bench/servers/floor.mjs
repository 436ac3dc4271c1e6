/**
 * The floor of an echo with the interface of `ws` on `node:net`: the cheapest program that does for each message what this
 * interface demands, and nothing else. It reads chunks, unmasks, checks UTF-8, makes a Buffer for each message, which belongs to
 * the handler, and writes the echoes of a chunk at once. It makes no other check, keeps no limit, answers no control frame, and
 * emits no event: no library can cost less with these sockets. Not for use.
 *
 * On Node it reads as framewire does, into one buffer for all sockets; elsewhere by `data` events.
 */

import { Buffer, isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { ready } from "./ready.mjs";

const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
let out = Buffer.allocUnsafeSlow(512 * 1024);
let outSize = 0;
/** Sockets whose peer has shaken hands, with the bytes of the frame that has come in part. */
const open = new Map();

function shakeHands(socket, chunk) {
  const key = /^sec-websocket-key: *(\S+)/im.exec(chunk.toString("latin1"))[1];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`,
  );
  open.set(socket, undefined);
}

/** The words of the chunk under way, made once for it if it is long enough. */
let words;
let wordsOf;

function unmask(chunk, start, end, key) {
  let at = start;
  if (end - start >= 64 && chunk.length >= 256) {
    if (wordsOf !== chunk) {
      wordsOf = chunk;
      const first = -chunk.byteOffset & 3;
      words = new Int32Array(chunk.buffer, chunk.byteOffset + first, (chunk.length - first) >> 2);
    }
    const shift = chunk.byteOffset & 3;
    for (; (at + shift) & 3; at++) chunk[at] ^= chunk[key + ((at - start) & 3)];
    const byte = (i) => chunk[key + ((at - start + i) & 3)];
    const word = byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
    let i = (at - (-shift & 3)) >> 2;
    const last = i + ((end - at) >> 2);
    at += (last - i) << 2;
    for (; i + 8 <= last; i += 8) {
      words[i] ^= word;
      words[i + 1] ^= word;
      words[i + 2] ^= word;
      words[i + 3] ^= word;
      words[i + 4] ^= word;
      words[i + 5] ^= word;
      words[i + 6] ^= word;
      words[i + 7] ^= word;
    }
    for (; i < last; i++) words[i] ^= word;
  }
  for (; at < end; at++) chunk[at] ^= chunk[key + ((at - start) & 3)];
}

/** The handler: what it is given belongs to it, and what it sends may be changed when this returns. */
function echo(message, isText) {
  const size = message.length;
  if (out.length - outSize < size + 10) {
    const larger = Buffer.allocUnsafeSlow(2 * (outSize + size + 10));
    out.copy(larger, 0, 0, outSize);
    out = larger;
  }
  out[outSize++] = isText ? 0x81 : 0x82;
  if (size < 126) {
    out[outSize++] = size;
  } else if (size < 65_536) {
    out[outSize++] = 126;
    out[outSize++] = size >> 8;
    out[outSize++] = size & 255;
  } else {
    out[outSize++] = 127;
    outSize = out.writeBigUInt64BE(BigInt(size), outSize);
  }
  if (size < 32) for (let i = 0; i < size; i++) out[outSize + i] = message[i];
  else out.set(message, outSize);
  outSize += size;
}

function receive(socket, part) {
  if (!open.has(socket)) return void shakeHands(socket, part);
  const kept = open.get(socket);
  const chunk = kept === undefined ? part : Buffer.concat([kept, part]);
  const { length } = chunk;
  let at = 0;
  while (length - at >= 6) {
    let size = chunk[at + 1] & 0x7f;
    let key = at + 2;
    if (size === 126) {
      size = (chunk[at + 2] << 8) | chunk[at + 3];
      key = at + 4;
    } else if (size === 127) {
      if (length - at < 14) break;
      size = chunk.readUInt32BE(at + 6);
      key = at + 10;
    }
    const start = key + 4;
    const end = start + size;
    if (end > length) break;
    unmask(chunk, start, end, key);
    const message = Buffer.allocUnsafe(size);
    if (size < 32) for (let i = 0; i < size; i++) message[i] = chunk[start + i];
    else chunk.copy(message, 0, start, end);
    const isText = (chunk[at] & 15) === 1;
    if (isText && !isUtf8(message)) return void socket.destroy();
    echo(message, isText);
    at = end;
  }
  wordsOf = undefined;
  if (at < length) open.set(socket, Buffer.from(chunk.subarray(at)));
  else if (kept !== undefined) open.set(socket, undefined);
  if (outSize === 0) return;
  socket.write(out.subarray(0, outSize));
  // What the kernel has not taken is still in this buffer.
  if (socket.writableLength > 0) out = Buffer.allocUnsafeSlow(out.length);
  outSize = 0;
}

const server = createServer({ pauseOnConnect: true }, (socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("close", () => open.delete(socket));
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback] = ["kBuffer", "kBufferCb"].map((name) =>
    symbols.find(({ description }) => description === name),
  );
  if (callback !== undefined && typeof socket._handle.useUserBuffer === "function") {
    socket[buffer] = readBuffer;
    socket[callback] = (size) => void receive(socket, readBuffer.subarray(0, size));
    socket._handle.useUserBuffer(readBuffer);
  } else {
    socket.on("data", (chunk) => receive(socket, chunk));
  }
  socket.resume();
});
server.listen(0, "127.0.0.1", () => ready(server.address().port));
