// An echo of frames, header by header, with one's own buffer: no Reader, no helpers. Fragments stay fragments. The same
// file runs on Node, Deno and Bun.
import process from "node:process";
import { checkHeader, cipher, newHeader, OpClose, OpPing, OpPong } from "framewire/frame";
import { StateFragmented, StateServerSide } from "framewire/frame";
import { listen } from "framewire/auto";
import { upgrade } from "framewire/handshake";
import { readExactly, readHeader, writeAll, writeHeader } from "framewire/stream";

/** Largest payload of one frame that is taken. */
const most = 64 * 1024;

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`echo on ws://localhost:${listener.port}`);

for await (const conn of listener) void echo(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function echo(conn) {
  const header = newHeader();
  const buffer = new Uint8Array(most);
  let state = StateServerSide;
  try {
    const stream = await upgrade(conn);
    while ((await readHeader(stream, header)) !== undefined) {
      checkHeader(header, state);
      if (header.length > most) throw new RangeError(`Frame is too long: ${header.length}`);
      const payload = buffer.subarray(0, header.length);
      await readExactly(stream, payload);
      cipher(payload, header.maskKey);

      if (header.opcode === OpPong) continue;
      if (header.opcode === OpPing) header.opcode = OpPong;
      else if (header.opcode !== OpClose) {
        state = header.fin ? state & ~StateFragmented : state | StateFragmented;
      }
      // What a server sends is not masked.
      header.masked = false;
      await writeHeader(stream, header);
      await writeAll(stream, payload);
      if (header.opcode === OpClose) return;
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    await conn.close();
  }
}
