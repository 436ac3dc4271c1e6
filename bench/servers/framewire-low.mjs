/**
 * An echo of the low level: the codec on the bytes of a stream, in buffers of its own, with no message ever whole.
 * Replies to what is at hand leave in one write.
 */

import {
  checkHeader,
  cipherInto,
  decodeHeader,
  encodeHeader,
  isControl,
  newHeader,
  OpClose,
  OpPing,
  OpPong,
  StateFragmented,
  StateServerSide,
} from "framewire/frame";
import { listen } from "framewire/auto";
import { Upgrader } from "framewire/handshake";
import { writeAll } from "framewire/stream";
import { ready } from "./ready.mjs";

const bufferSize = 32 * 1024;
const upgrader = new Upgrader({ readBufferSize: bufferSize });

async function echo(stream) {
  const header = newHeader();
  // A reply is shorter than its request: as much room as there is to read is enough.
  const out = new Uint8Array(bufferSize);
  let state = StateServerSide;
  let left = 0;
  let isAnswered = true;
  while ((await stream.fill()) > 0) {
    let size = 0;
    for (;;) {
      if (left === 0) {
        const taken = decodeHeader(header, stream.bytes, stream.start, stream.end);
        if (taken === 0) break;
        checkHeader(header, state);
        stream.consume(taken);
        left = header.length;
        if (!isControl(header.opcode)) {
          state = header.fin ? state & ~StateFragmented : state | StateFragmented;
        }
        header.masked = false;
        isAnswered = header.opcode !== OpPong;
        if (header.opcode === OpPing) header.opcode = OpPong;
        if (isAnswered) size += encodeHeader(header, out, size);
      }
      const count = Math.min(left, stream.buffered);
      if (isAnswered) {
        const { bytes, start } = stream;
        cipherInto(out, size, bytes, header.maskKey, header.length - left, start, start + count);
        size += count;
      }
      stream.consume(count);
      left -= count;
      if (left > 0) break;
      if (header.opcode === OpClose) return writeAll(stream, out.subarray(0, size));
    }
    if (size > 0) await writeAll(stream, out.subarray(0, size));
  }
}

async function handle(conn) {
  try {
    await echo(await upgrader.upgrade(conn));
  } catch {
    // The peer broke a rule, or has gone: this server has nobody to tell.
  } finally {
    await conn.close();
  }
}

const listener = await listen({ port: 0, hostname: "127.0.0.1" });
ready(listener.port);
for await (const conn of listener) void handle(conn);
