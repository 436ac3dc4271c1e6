import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryNetwork, memoryPair } from "../../adapters/memory/index.ts";
import { writeLatin1 } from "../../src/bytes.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { HttpPeer } from "../support/http-peer.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { type PlainRow, plainRows } from "./cases/plain.ts";

/** Plain HTTP as it should not be, answered byte for byte: over real sockets on each runtime, and in memory at every cut. */

const handlers: ServerHandlers = {
  http: {
    // Reads what is not asked for, too: an answer in front of it would end the connection.
    GET: async (request) => {
      await request.bytes();
      return { body: `GET ${request.target}` };
    },
    POST: async (request) => ({ body: await request.text() }),
  },
  refused() {},
};

function bytesOf({ sent }: PlainRow): Uint8Array {
  const bytes = new Uint8Array(sent.length);
  writeLatin1(bytes, 0, sent);
  return bytes;
}

/** All that has been answered when the connection is over. */
async function saidTo(peer: HttpPeer): Promise<string> {
  await peer.told("closed");
  return peer.text.replace(/^Date: [^\r]*\r\n/gm, "");
}

let server: Server;
beforeAll(async () => {
  server = await adapter.serve({ port: 0, hostname: "127.0.0.1" }, handlers);
});
afterAll(() => server.shutdown({ deadline: 0 }));

describe(`a server of plain HTTP over a socket of ${runtime}`, () => {
  it.each(plainRows)("$id: $name", async (row) => {
    const peer = new HttpPeer(await RawClient.connect(server.port));
    peer.send(bytesOf(row));
    expect(await saidTo(peer)).toBe(row.said);
  });

  it("lets everybody go", async () => {
    await expect.poll(() => server.counters.opening).toBe(0);
  });
});

/** Streams that are longer are cut at each byte of their beginning and of their end. */
const most = 30;

function cutsOf({ sent: { length } }: PlainRow): number[] {
  const all = Array.from({ length: length - 1 }, (_, index) => index + 1);
  return length <= 500 ? all : [...all.slice(0, most), ...all.slice(-most)];
}

// The same on each runtime, since no runtime is in it.
describe.runIf(runtime === "node")("a server of plain HTTP in memory", () => {
  it.each(plainRows)("$id: $name, wherever the stream is cut", async (row) => {
    const inMemory = await memoryNetwork().serve({ port: 80 }, handlers);
    const bytes = bytesOf(row);
    const answered = async (...pieces: readonly Uint8Array[]): Promise<string> => {
      const [ours, theirs] = memoryPair();
      inMemory.accept(ours);
      const peer = new HttpPeer(theirs);
      for (const piece of pieces) {
        peer.send(piece);
        await macrotask();
      }
      return saidTo(peer);
    };
    for (const cut of cutsOf(row)) {
      const said = await answered(bytes.slice(0, cut), bytes.slice(cut));
      expect([cut, said]).toEqual([cut, row.said]);
    }
    await inMemory.shutdown({ deadline: 0 });
  });
});
