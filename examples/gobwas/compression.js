// Compression by hand, frame by frame, as gobwas's wsflate has it: an echo for clients that agree to keep no window
// between messages. The same file runs on Node, Deno and Bun.
import process from "node:process";
import { listen } from "framewire/auto";
import { defaultParameters, flateSides, Negotiator } from "framewire/flate";
import { isControl, StateServerSide, unmaskFrameInPlace } from "framewire/frame";
import { Upgrader } from "framewire/handshake";
import { handleClientControlMessage, readFrame, writeFrame } from "framewire/stream";
import { Helper } from "framewire/zlib";

const upgrader = new Upgrader({
  newContext: () => new Negotiator(defaultParameters),
  negotiate: (offer, negotiator) => negotiator.negotiate(offer),
});

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`echo on ws://localhost:${listener.port}`);

for await (const conn of listener) void echo(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function echo(conn) {
  /** @type {Helper | undefined} */
  let helper;
  try {
    const stream = await upgrader.upgrade(conn);
    const { accepted } = stream.context;
    if (accepted !== undefined) {
      // The client may have asked for a smaller window than zlib's own.
      const { windowBits } = flateSides(accepted, StateServerSide).deflate;
      helper = new Helper({ windowBits, maxMessageSize: 1024 ** 2 });
    }
    for (;;) {
      const frame = await readFrame(stream);
      if (frame === undefined) return;
      unmaskFrameInPlace(frame);
      frame.header.masked = false;
      const { opcode } = frame.header;
      if (isControl(opcode)) {
        await handleClientControlMessage(stream, { opcode, payload: frame.payload });
      } else {
        const message = helper === undefined ? frame : await helper.decompressFrame(frame);
        console.log(`${frame.payload.length} bytes came, of ${message.payload.length}`);
        await writeFrame(
          stream,
          helper === undefined ? message : await helper.compressFrame(message),
        );
      }
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    helper?.close();
    await conn.close();
  }
}
