// Compression as an extension of a Reader and a Writer: messages of any size, piece by piece, with windows that are kept
// from one to the next. Each text is answered in capitals. The same file runs on Node, Deno and Bun.
import process from "node:process";
import { listen } from "framewire/auto";
import { isControl, OpText } from "framewire/frame";
import { Upgrader } from "framewire/handshake";
import { controlFrameHandler, Reader, Writer } from "framewire/stream";
import { PermessageDeflate } from "framewire/zlib";

const upgrader = new Upgrader({ extensions: [new PermessageDeflate()] });

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`capitals on ws://localhost:${listener.port}`);

for await (const conn of listener) void serve(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function serve(conn) {
  try {
    const stream = await upgrader.upgrade(conn);
    // Its own close frees the windows, too.
    await shout(stream).finally(() => stream.close());
  } catch (error) {
    console.log("connection ended:", String(error));
  }
}

/** @param {import("framewire/handshake").UpgradedStream} stream */
async function shout(stream) {
  const { state, recvExtensions, sendExtensions } = stream;
  const control = controlFrameHandler(stream, state);
  const reader = new Reader(stream, state, {
    checkUtf8: true,
    extensions: recvExtensions,
    onIntermediate: control,
  });
  const writer = new Writer(stream, state, OpText, { extensions: sendExtensions });
  const piece = new Uint8Array(1024);
  for (let header; (header = await reader.nextFrame()) !== undefined;) {
    if (isControl(header.opcode)) {
      await control(header, reader.payload);
      continue;
    }
    // Begins a message, which may stay empty.
    await writer.write(new Uint8Array(0));
    for (let count; (count = await reader.read(piece)) > 0;) {
      await writer.write(piece.subarray(0, count).map(toCapital));
    }
    await writer.flush();
  }
}

/** @param {number} byte */
function toCapital(byte) {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}
