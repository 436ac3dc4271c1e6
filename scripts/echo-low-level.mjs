/**
 * The echo server of the low level: the frame codec and a stream, with buffers of its own and no message ever whole.
 */

import { listen } from "framewire/auto";
import {
  checkHeader,
  cipher,
  encodeHeader,
  isControl,
  MaxHeaderSize,
  newCloseFrameBody,
  newHeader,
  OpClose,
  OpPing,
  OpPong,
  ProtocolError,
  StateFragmented,
  StateServerSide,
} from "framewire/frame";
import { Upgrader } from "framewire/handshake";
import { headerText } from "framewire/http";
import { readHeader, writeAll, writeServerMessage } from "framewire/stream";

const upgrader = new Upgrader({
  // The first subprotocol that is offered, whichever it is.
  protocol: (name) => headerText(name) !== "",
  readBufferSize: 64 * 1024,
});

/** Gathers frames, so that all replies to what is at hand leave in one write. */
class FrameBuffer {
  #bytes = new Uint8Array(64 * 1024 + MaxHeaderSize);
  #size = 0;

  constructor(stream) {
    this.stream = stream;
  }

  async header(header) {
    if (this.#bytes.length - this.#size < MaxHeaderSize) await this.flush();
    this.#size += encodeHeader(header, this.#bytes, this.#size);
  }

  /** Where up to `length` payload bytes go next. */
  async room(length) {
    if (this.#size === this.#bytes.length) await this.flush();
    return this.#bytes.subarray(this.#size, this.#size + length);
  }

  filled(count) {
    this.#size += count;
  }

  async flush() {
    const size = this.#size;
    this.#size = 0;
    if (size > 0) await writeAll(this.stream, this.#bytes.subarray(0, size));
  }
}

/** Echoes frame by frame, fragments as fragments, up to the closing handshake. */
async function echo(stream, most) {
  const header = newHeader();
  const out = new FrameBuffer(stream);
  let state = StateServerSide;
  for (;;) {
    // What is owed leaves before anything is waited for.
    if (stream.buffered === 0) await out.flush();
    if ((await readHeader(stream, header)) === undefined) return;
    checkHeader(header, state);
    if (header.length > most) throw new RangeError(`Frame is too long: ${header.length}`);
    const { opcode, length, maskKey } = header;
    if (!isControl(opcode)) {
      state = header.fin ? state & ~StateFragmented : state | StateFragmented;
    }
    if (opcode === OpPing) header.opcode = OpPong;
    header.masked = false;
    if (opcode !== OpPong) await out.header(header);
    for (let at = 0; at < length;) {
      if (stream.buffered === 0) await out.flush();
      const room = await out.room(length - at);
      const count = await stream.read(room);
      if (count === 0) return;
      cipher(room, maskKey, at, 0, count);
      if (opcode !== OpPong) out.filled(count);
      at += count;
    }
    if (opcode === OpClose) return out.flush();
  }
}

async function handle(conn, most) {
  let stream;
  try {
    stream = await upgrader.upgrade(conn);
    await echo(stream, most);
  } catch (error) {
    if (stream !== undefined && error instanceof ProtocolError) {
      const body = newCloseFrameBody(error.status, error.message);
      await Promise.resolve(writeServerMessage(stream, OpClose, body)).catch(() => {});
    }
  } finally {
    await conn.close();
  }
}

/** Listens; gives the port, and a function that stops. */
export async function listenLowLevel(options, most = Infinity) {
  const listener = await listen(options);
  void (async () => {
    for await (const conn of listener) void handle(conn, most);
  })();
  return { port: listener.port, stop: () => listener.close() };
}
