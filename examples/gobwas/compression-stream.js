// Compression as an extension of a Reader and a Writer: messages of any size, piece by piece, with windows that are kept
// from one to the next. Each text is answered in capitals. The same file runs on Node, Deno and Bun.
import process from "node:process";
import { listen } from "framewire/auto";
import { PermessageDeflate } from "framewire/flate";
import { isControl, OpText, StateServerSide } from "framewire/frame";
import { Upgrader } from "framewire/handshake";
import { ControlHandler, controlFrameHandler, Reader, Writer } from "framewire/stream";
import { zlibEngine } from "framewire/zlib";

const upgrader = new Upgrader({ extensions: [new PermessageDeflate({ engine: zlibEngine() })] });

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`capitals on ws://localhost:${listener.port}`);

for await (const conn of listener) void shout(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function shout(conn) {
  let stream;
  try {
    stream = await upgrader.upgrade(conn);
    const reader = new Reader(stream, stream.state, {
      checkUtf8: true,
      extensions: stream.recvExtensions,
      onIntermediate: controlFrameHandler(stream, StateServerSide),
    });
    const { sendExtensions: extensions } = stream;
    const writer = new Writer(stream, StateServerSide, OpText, { extensions });
    const control = new ControlHandler({
      src: reader.payload,
      dst: stream,
      state: StateServerSide,
      disableSrcCiphering: true,
    });
    const piece = new Uint8Array(1024);
    for (;;) {
      const header = await reader.nextFrame();
      if (header === undefined) return;
      if (isControl(header.opcode)) {
        await control.handle(header);
        continue;
      }
      // Begins a message, which may stay empty.
      await writer.write(new Uint8Array(0));
      for (let count; (count = await reader.read(piece)) > 0;) {
        await writer.write(piece.subarray(0, count).map(toCapital));
      }
      await writer.flush();
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    // The stream's own close frees the windows, too.
    await (stream ?? conn).close();
  }
}

/** @param {number} byte */
function toCapital(byte) {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}
