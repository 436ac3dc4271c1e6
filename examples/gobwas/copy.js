// An echo of messages of any size, piece by piece, none of them ever whole in memory: a Reader copied to a Writer. The
// same file runs on Node, Deno and Bun.
import process from "node:process";
import { listen } from "framewire/auto";
import { isControl, OpText, StateServerSide } from "framewire/frame";
import { upgrade } from "framewire/handshake";
import { controlFrameHandler, Reader, Writer } from "framewire/stream";

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`echo on ws://localhost:${listener.port}`);

for await (const conn of listener) void echo(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function echo(conn) {
  try {
    const stream = await upgrade(conn);
    const control = controlFrameHandler(stream, StateServerSide);
    const reader = new Reader(stream, StateServerSide, { onIntermediate: control });
    const writer = new Writer(stream, StateServerSide, OpText);
    for (let header; (header = await reader.nextFrame()) !== undefined;) {
      if (isControl(header.opcode)) {
        await control(header, reader.payload);
        continue;
      }
      // A message of the same kind.
      writer.resetOp(header.opcode);
      await writer.readFrom(reader);
      await writer.flush();
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    await conn.close();
  }
}
