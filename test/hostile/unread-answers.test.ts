import { afterEach, describe, expect, it } from "vitest";
import { memoryNetwork, memoryPair } from "../../adapters/memory/index.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import type { Transport } from "../../src/transport.ts";
import { adapter } from "../support/adapter.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { HttpPeer } from "../support/http-peer.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { expectNoRejections } from "./play.ts";

/** Clients that ask, and never read what they are answered: over real sockets on each runtime, and in memory. */

const servers: Server[] = [];
const clients: Transport[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
  expectNoRejections();
});

/** A write has 3 s, and a second more for each MiB. */
const times = { handshakeTimeout: 3000, minProgress: 1024 ** 2 };
const pieceSize = 64 * 1024;
const ofPiece = 3 + pieceSize / times.minProgress;
/** What the system takes for a client that reads nothing is less than this. */
const muchSize = 48 * 1024 ** 2;
const ofMuch = 3 + muchSize / times.minProgress;

const asked = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** What has become of an answer in pieces. */
class Pieces {
  asked = 0;
  hasEnded = false;

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        this.asked++;
        yield new Uint8Array(pieceSize);
      }
    } finally {
      this.hasEnded = true;
    }
  }

  get stream(): ReadableStream<Uint8Array> {
    const iterator = this[Symbol.asyncIterator]();
    return new ReadableStream(
      {
        pull: async (controller) => controller.enqueue((await iterator.next()).value),
        cancel: async () => void (await iterator.return(undefined)),
      },
      { highWaterMark: 0 },
    );
  }
}

const inPieces: Readonly<Record<"http" | "fetch", (pieces: Pieces) => ServerHandlers>> = {
  http: (pieces) => ({ http: () => ({ body: pieces }) }),
  fetch: (pieces) => ({ fetch: () => new Response(pieces.stream) }),
};

const whole: Readonly<Record<"http" | "fetch", () => ServerHandlers>> = {
  http: () => ({ http: () => ({ body: new Uint8Array(muchSize) }) }),
  fetch: () => ({ fetch: () => new Response(new Uint8Array(muchSize)) }),
};

async function start(handlers: ServerHandlers): Promise<{ server: Server; clock: FakeClock }> {
  const clock = new FakeClock();
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", clock, unhandledErrors: "ignore", ...times },
    handlers,
  );
  servers.push(server);
  return { server, clock };
}

/** A client that asks, and reads nothing. */
async function unreadingClient({ port }: Server, request = asked): Promise<RawClient> {
  const client = await RawClient.connect(port);
  clients.push(client);
  client.pause();
  client.write(encodeUtf8(request));
  return client;
}

/** Lets turns of the event loop go by until `count` has not grown for many of them. */
async function settled(count: () => number): Promise<void> {
  for (let still = 0, before = count(); still < 50; still++) {
    await macrotask();
    if (count() !== before) still = 0;
    before = count();
  }
}

/** Moves the clock by seconds until the server has no connection any more; gives their number. */
async function secondsUntilDropped(
  { server, clock }: { server: Server; clock: FakeClock },
  most: number,
): Promise<number> {
  let seconds = 0;
  for (; seconds < most && server.counters.opening > 0; seconds++) {
    clock.advance(1000);
    await macrotask();
  }
  await expect.poll(() => server.counters.opening, { interval: 1 }).toBe(0);
  return seconds;
}

describe.each(["http", "fetch"] as const)(`a server on ${runtime}, which answers by %s,`, (by) => {
  it("L-184 in pieces: no further one is asked for, and the connection is dropped", async () => {
    const pieces = new Pieces();
    const started = await start(inPieces[by](pieces));
    await unreadingClient(started.server);
    await expect.poll(() => pieces.asked, { interval: 1 }).toBeGreaterThan(0);
    await settled(() => pieces.asked);
    const taken = pieces.asked;
    // What was taken lies in the system's buffers.
    expect(taken * pieceSize).toBeLessThan(muchSize);
    const seconds = await secondsUntilDropped(started, 2 * ofPiece);
    expect(seconds).toBeLessThanOrEqual(ofPiece + 2);
    expect(pieces.asked).toBe(taken);
    await expect.poll(() => pieces.hasEnded, { interval: 1 }).toBe(true);
  });

  it("L-184 as a whole: the connection is dropped", async () => {
    const started = await start(whole[by]());
    await unreadingClient(started.server);
    await expect.poll(() => started.server.counters.opening, { interval: 1 }).toBe(1);
    await settled(() => 0);
    expect(await secondsUntilDropped(started, 2 * ofMuch)).toBeLessThanOrEqual(ofMuch + 2);
  });
});

describe("a server of plain HTTP in memory", () => {
  it.each(["http", "fetch"] as const)(
    "L-184 of hundreds of requests at once, by %s: one is answered at a time, and no more is read",
    async (by) => {
      const clock = new FakeClock();
      let calls = 0;
      const text = "a".repeat(pieceSize);
      const server = await memoryNetwork().serve(
        { port: 80, clock, unhandledErrors: "ignore", ...times },
        by === "http"
          ? { http: () => (calls++, { body: text }) }
          : { fetch: () => (calls++, new Response(text)) },
      );
      servers.push(server);
      const capacity = 1024;
      const [ours, theirs] = memoryPair({ capacity });
      server.accept(ours);
      const client = new HttpPeer(theirs);
      clients.push(theirs);
      theirs.pause();
      let sent = 0;
      for (let blocked = 0; blocked < 20;) {
        if (theirs.write(encodeUtf8(asked))) {
          sent += asked.length;
          continue;
        }
        let drained = false;
        client.onDrain = () => void (drained = true);
        for (blocked = 0; blocked < 20 && !drained; blocked++) await macrotask();
      }
      // The network holds one answer. The next one waits for room, and the requests behind it are not read.
      expect(calls).toBeLessThanOrEqual(2);
      const before = calls;
      expect(sent).toBeLessThanOrEqual(32 * 1024);
      clock.advance(1000 * ofPiece + 300);
      await expect.poll(() => server.counters.opening, { interval: 1 }).toBe(0);
      expect(calls).toBe(before);
    },
  );
});
