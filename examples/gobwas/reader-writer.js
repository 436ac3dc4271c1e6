// JSON messages with a Reader and a Writer: each request {"add": [1, 2, 3]} is answered {"sum": 6}, however it is
// fragmented. The same file runs on Node, Deno and Bun.
import process from "node:process";
import { listen } from "framewire/auto";
import { isControl, OpText, StateServerSide } from "framewire/frame";
import { upgrade } from "framewire/handshake";
import { controlFrameHandler, readAll, Reader, Writer } from "framewire/stream";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`sums on ws://localhost:${listener.port}`);

for await (const conn of listener) void serve(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function serve(conn) {
  try {
    await addUp(await upgrade(conn));
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    await conn.close();
  }
}

/** @param {import("framewire/handshake").UpgradedStream} stream */
async function addUp(stream) {
  const control = controlFrameHandler(stream, StateServerSide);
  const options = { checkUtf8: true, onIntermediate: control };
  const reader = new Reader(stream, StateServerSide, options);
  const writer = new Writer(stream, StateServerSide, OpText);
  for (let header; (header = await reader.nextFrame()) !== undefined;) {
    if (isControl(header.opcode)) {
      await control(header, reader.payload);
      continue;
    }
    const { add } = JSON.parse(decoder.decode(await readAll(reader)));
    let sum = 0;
    for (const number of add) sum += number;
    await writer.write(encoder.encode(JSON.stringify({ sum })));
    await writer.flush();
  }
}
