// JSON messages with a Reader and a Writer: each request {"add": [1, 2, 3]} is answered {"sum": 6}, however it is
// fragmented. The same file runs on Node, Deno and Bun.
import process from "node:process";
import { isControl, OpText, StateServerSide } from "framewire/frame";
import { listen } from "framewire/auto";
import { upgrade } from "framewire/handshake";
import { ControlHandler, controlFrameHandler, readAll, Reader, Writer } from "framewire/stream";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`sums on ws://localhost:${listener.port}`);

for await (const conn of listener) void serve(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function serve(conn) {
  try {
    const stream = await upgrade(conn);
    const reader = new Reader(stream, StateServerSide, {
      checkUtf8: true,
      onIntermediate: controlFrameHandler(stream, StateServerSide),
    });
    const writer = new Writer(stream, StateServerSide, OpText);
    const control = new ControlHandler({
      src: reader.payload,
      dst: stream,
      state: StateServerSide,
      disableSrcCiphering: true,
    });
    for (;;) {
      const header = await reader.nextFrame();
      if (header === undefined) return;
      if (isControl(header.opcode)) {
        await control.handle(header);
        continue;
      }
      const request = JSON.parse(decoder.decode(await readAll(reader)));
      const sum = request.add.reduce(
        (/** @type {number} */ a, /** @type {number} */ b) => a + b,
        0,
      );
      await writer.write(encoder.encode(JSON.stringify({ sum })));
      await writer.flush();
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    await conn.close();
  }
}
