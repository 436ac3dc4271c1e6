// An echo with the helpers for whole messages. The same file runs on Node, Deno and Bun.
// Try it: send text or binary, ping it, close it with a code.
import process from "node:process";
import { listen } from "framewire/auto";
import { upgrade } from "framewire/handshake";
import { readClientData, writeServerMessage } from "framewire/stream";

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`echo on ws://localhost:${listener.port}`);

for await (const conn of listener) void echo(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function echo(conn) {
  try {
    const stream = await upgrade(conn);
    for (;;) {
      // Pings and closes are answered on the way; a close ends the loop by throwing.
      const { opcode, payload } = await readClientData(stream);
      await writeServerMessage(stream, opcode, payload);
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    await conn.close();
  }
}
