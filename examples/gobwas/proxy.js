// A proxy in front of another WebSocket server: frames pass through piece by piece, none is ever whole in memory, and
// fragments stay as they are. Only the masking changes, since each side of it is a connection of its own. The same file
// runs on Node, Deno and Bun.
// Try it: UPSTREAM=ws://localhost:8080 PORT=8081, with one of the other examples on 8080.
import process from "node:process";
import {
  checkHeader,
  cipher,
  isControl,
  newHeader,
  newMask,
  OpClose,
  StateClientSide,
  StateFragmented,
  StateServerSide,
} from "framewire/frame";
import { dial, listen } from "framewire/auto";
import { Upgrader } from "framewire/handshake";
import { headerText } from "framewire/http";
import { readHeader, TransportError, writeAll, writeHeader } from "framewire/stream";

/** @typedef {import("framewire/handshake").UpgradedStream<any>} Stream */

const upstream = process.env.UPSTREAM ?? "ws://localhost:8080";

const upgrader = new Upgrader({
  newContext: () => ({ target: "/" }),
  onRequest(target, context) {
    context.target = headerText(target);
  },
});

const listener = await listen({ port: Number(process.env.PORT ?? 8081) });
console.log(`proxy on ws://localhost:${listener.port}`);

for await (const conn of listener) void proxy(conn);

/** @param {import("framewire/stream").TransportStream} conn */
async function proxy(conn) {
  try {
    const client = await upgrader.upgrade(conn);
    const server = await dial(new URL(client.context.target, upstream));
    try {
      await Promise.all([
        pass(client, server, StateServerSide),
        pass(server, client, StateClientSide),
      ]);
    } finally {
      await server.close();
    }
  } catch (error) {
    console.log("connection ended:", String(error));
  } finally {
    await conn.close();
  }
}

/**
 * Passes frames on, up to a close frame, which the other direction answers; or to the end of the stream, which ends both.
 *
 * @param {Stream} from
 * @param {Stream} to
 * @param {number} side The side that is played towards `from`.
 */
async function pass(from, to, side) {
  const header = newHeader();
  const piece = new Uint8Array(16 * 1024);
  let state = side;
  while ((await readHeader(from, header)) !== undefined) {
    checkHeader(header, state);
    if (!isControl(header.opcode)) {
      state = header.fin ? state & ~StateFragmented : state | StateFragmented;
    }
    const { length, maskKey } = header;
    header.masked = side === StateServerSide;
    header.maskKey = header.masked ? newMask() : 0;
    await writeHeader(to, header);
    for (let at = 0; at < length;) {
      const count = await from.read(piece.subarray(0, Math.min(piece.length, length - at)));
      if (count === 0) throw new TransportError("UNEXPECTED_END");
      // Out of one mask and into the other, at the same place of the payload.
      if (side === StateServerSide) cipher(piece, maskKey, at, 0, count);
      if (header.masked) cipher(piece, header.maskKey, at, 0, count);
      await writeAll(to, piece.subarray(0, count));
      at += count;
    }
    if (header.opcode === OpClose) return;
  }
  await to.close();
}
