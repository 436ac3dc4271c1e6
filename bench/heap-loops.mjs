/**
 * The loops of the heap benchmark, in one process: prints what each costs a message, as JSON.
 */

import process from "node:process";
import { Server } from "framewire";
import {
  cipher,
  decodeHeader,
  encodeHeader,
  newHeader,
  OpBinary,
  StateServerSide,
} from "framewire/frame";
import {
  BufferedStream,
  Reader,
  readExactly,
  readHeader,
  writeAll,
  writeHeaderBuffer,
  Writer,
} from "framewire/stream";

const payloadSize = 16;
const framesPerChunk = 64;

/** A masked frame of 16 bytes, many times. */
const chunk = new Uint8Array(framesPerChunk * (6 + payloadSize));
for (let frame = 0; frame < framesPerChunk; frame++) {
  chunk.set([0x82, 0x80 | payloadSize, 1, 2, 3, 4], frame * (6 + payloadSize));
}
const replySize = 2 + payloadSize;

/** A stream that always has another frame, up to a number of them; counts the bytes that are written to it. */
class EndlessStream {
  left = 0;
  written = 0;
  #at = 0;

  read(into) {
    let count = 0;
    while (count < into.length && this.left > 0) {
      into[count++] = chunk[this.#at++];
      if (this.#at === chunk.length) this.#at = 0;
      this.left--;
    }
    return count;
  }

  write(from) {
    this.written += from.length;
    return from.length;
  }

  close() {}
}

/** Each makes a function that echoes so many messages and tells how many bytes came back. */
const loops = {
  "low level: decodeHeader, cipher, encodeHeader in one buffer"() {
    const conn = new EndlessStream();
    const stream = new BufferedStream(conn, { size: chunk.length });
    const header = newHeader();
    const reply = newHeader(OpBinary);
    const out = new Uint8Array(chunk.length);
    return async (messages) => {
      conn.left = messages * (6 + payloadSize);
      while ((await stream.fill()) > 0) {
        let size = 0;
        for (;;) {
          const { bytes } = stream;
          const taken = decodeHeader(header, bytes, stream.start, stream.end);
          if (taken === 0 || stream.buffered < taken + header.length) break;
          const start = stream.start + taken;
          cipher(bytes, header.maskKey, 0, start, start + header.length);
          reply.length = header.length;
          size += encodeHeader(reply, out, size);
          for (let i = 0; i < header.length; i++) out[size++] = bytes[start + i];
          stream.consume(taken + header.length);
        }
        await writeAll(stream, out.subarray(0, size));
      }
      return conn.written;
    };
  },
  "low level: readHeader, read, cipher, writeHeader, write"() {
    const conn = new EndlessStream();
    const stream = new BufferedStream(conn);
    const header = newHeader();
    const payload = new Uint8Array(125);
    const scratch = new Uint8Array(14);
    return async (messages) => {
      conn.left = messages * (6 + payloadSize);
      for (;;) {
        let read = readHeader(stream, header);
        if (read instanceof Promise) read = await read;
        if (read === undefined) return conn.written;
        const bytes = payload.subarray(0, header.length);
        const filled = readExactly(stream, bytes);
        if (filled instanceof Promise) await filled;
        cipher(bytes, header.maskKey);
        header.masked = false;
        const head = writeHeaderBuffer(stream, header, scratch);
        if (head instanceof Promise) await head;
        const written = writeAll(stream, bytes);
        if (written instanceof Promise) await written;
      }
    };
  },
  "middle level: Reader and Writer"() {
    const conn = new EndlessStream();
    const stream = new BufferedStream(conn);
    const reader = new Reader(stream, StateServerSide);
    const writer = new Writer(stream, StateServerSide, OpBinary);
    const piece = new Uint8Array(512);
    return async (messages) => {
      conn.left = messages * (6 + payloadSize);
      for (;;) {
        const header = await reader.nextFrame();
        if (header === undefined) return conn.written;
        writer.resetOp(header.opcode);
        for (;;) {
          let count = reader.read(piece);
          if (count instanceof Promise) count = await count;
          if (count === 0) break;
          const written = writer.write(piece.subarray(0, count));
          if (written instanceof Promise) await written;
        }
        const flushed = writer.flush();
        if (flushed instanceof Promise) await flushed;
      }
    };
  },
  "high level: serve"() {
    const transport = {
      handler: undefined,
      written: 0,
      remoteAddress: undefined,
      remotePort: undefined,
      write(bytes) {
        this.written += bytes.length;
        return true;
      },
      pause() {},
      resume() {},
      end() {},
      destroy() {},
    };
    const server = new Server({ port: 0 }, { message: (ws, data) => void ws.send(data) });
    server.accept(transport);
    transport.handler.onData(
      new TextEncoder().encode(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
    );
    transport.written = 0;
    const copy = new Uint8Array(chunk.length);
    return async (messages) => {
      for (let sent = 0; sent < messages; sent += framesPerChunk) {
        copy.set(chunk);
        transport.handler.onData(copy);
        await null;
      }
      return transport.written;
    };
  },
};

const collect = globalThis.gc ?? (() => globalThis.Bun.gc(true));
const heapUsed = () => process.memoryUsage().heapUsed;

const warm = 64 * 1000;
const few = 64 * 312;
const many = 64 * 3125;

const rows = [];
for (const [loop, make] of Object.entries(loops)) {
  const echo = make();
  await echo(warm);
  collect();
  const before = heapUsed();
  await echo(few);
  const allocated = globalThis.Bun === undefined ? (heapUsed() - before) / few : undefined;
  collect();
  const clean = heapUsed();
  const written = await echo(many);
  collect();
  const stays = (heapUsed() - clean) / many;
  if (written !== (warm + few + many) * replySize)
    throw new Error(`${loop} echoed ${written} bytes`);
  rows.push({ loop, allocated, stays });
}
console.log(JSON.stringify(rows));
