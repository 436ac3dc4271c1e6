import { afterEach, describe, expect, it } from "vitest";
import { memoryNetwork, memoryPair } from "../../adapters/memory/index.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { HttpRequest } from "../../src/connection/http/request.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { newDeferred } from "../../src/deferred.ts";
import { adapter } from "../support/adapter.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { HttpPeer } from "../support/http-peer.ts";
import { RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";
import { expectNoRejections } from "./play.ts";

/** Bodies of plain requests that come slowly, or not as told: over real sockets on each runtime, by a clock that tests move. */

const servers: Server[] = [];
const peers: HttpPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.transport.destroy();
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
  expectNoRejections();
});

/** A body is looked at every 3 s, in which 300 bytes of it must have come. */
const times = { handshakeTimeout: 3000, minProgress: 100 };

function asks(...lines: readonly string[]): string {
  return ["POST / HTTP/1.1", "Host: localhost", ...lines, "", ""].join("\r\n");
}

interface Stage {
  readonly peer: HttpPeer;
  readonly clock: FakeClock;
  readonly server: Server;
  /** Bytes of the body that the application has read. */
  read(): number;
  /** What reading has come to. */
  readonly outcome: Promise<unknown>;
}

/** A server whose application reads the body piece by piece, and a client of it. */
async function start(by: "http" | "fetch"): Promise<Stage> {
  const clock = new FakeClock();
  const outcome = newDeferred<unknown>();
  let count = 0;
  const readAll = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
    try {
      for await (const piece of pieces) count += piece.length;
      outcome.resolve("whole");
    } catch (error) {
      outcome.resolve((error as { code?: string }).code ?? error);
      throw error;
    }
    return `${count} bytes`;
  };
  const handlers: ServerHandlers =
    by === "http"
      ? { http: { POST: async (request: HttpRequest) => ({ body: await readAll(request) }) } }
      : {
          fetch: async (request: Request) =>
            new Response(await readAll(request.body as unknown as AsyncIterable<Uint8Array>)),
        };
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", clock, unhandledErrors: "ignore", ...times },
    handlers,
  );
  servers.push(server);
  const peer = new HttpPeer(await RawClient.connect(server.port));
  peers.push(peer);
  return { peer, clock, server, read: () => count, outcome: outcome.promise };
}

/** Sends a part of a body, and waits until the application has read so much. */
async function brings({ peer, read }: Stage, sent: string, count: number): Promise<void> {
  peer.send(sent);
  await expect.poll(read, { interval: 1 }).toBe(count);
}

async function expectTimeout(stage: Stage): Promise<void> {
  const { peer, outcome, server } = stage;
  await peer.told("closed");
  expect(peer.text).toMatch(/^(HTTP\/1.1 100 Continue\r\n\r\n)?HTTP\/1.1 408 Request Timeout\r\n/);
  expect(peer.text).toContain("\r\nConnection: close\r\n");
  expect(await outcome).toBe("HANDSHAKE_TIMEOUT");
  await expect.poll(() => server.counters.opening).toBe(0);
}

const hooks = ["http", "fetch"] as const;

describe.each(hooks)(`a server on ${runtime}, which reads by %s,`, (by) => {
  it("L-181 that stops in the middle: 408", async () => {
    const stage = await start(by);
    await brings(stage, `${asks("Content-Length: 1000")}${"a".repeat(400)}`, 400);
    stage.clock.advance(6200);
    await expectTimeout(stage);
  });

  it("L-181 that stops inside a chunk, or in front of the last one: 408", async () => {
    for (const [sent, count] of [
      ["5\r\nabc", 3],
      ["3\r\nabc\r\n", 3],
      ["3\r\nabc\r\n0\r\nTrail", 3],
    ] as const) {
      const stage = await start(by);
      await brings(stage, `${asks("Transfer-Encoding: chunked")}${sent}`, count);
      stage.clock.advance(6200);
      await expectTimeout(stage);
    }
  });

  it("L-181 of one byte each second: 408, however long it would take", async () => {
    const stage = await start(by);
    await brings(stage, `${asks("Content-Length: 1000")}a`, 1);
    let seconds = 0;
    while (stage.peer.text === "" && seconds < 10) {
      stage.clock.advance(1000);
      await macrotask();
      if (stage.peer.text !== "" || stage.server.counters.opening === 0) break;
      seconds++;
      stage.peer.send("a");
      await macrotask();
    }
    expect(seconds).toBeLessThan(10);
    await expectTimeout(stage);
  });

  it("L-181 that begins beside its head, and then rests until the next look at it: it is answered", async () => {
    const stage = await start(by);
    await brings(stage, `${asks("Content-Length: 1000")}${"a".repeat(400)}`, 400);
    stage.clock.advance(3200);
    await brings(stage, "a".repeat(600), 1000);
    await stage.peer.seen("1000 bytes");
    expect(stage.peer.text).toMatch(/^HTTP\/1.1 200 /);
  });

  it("L-181 of extensions of chunks that trickle, and no byte of it: 408", async () => {
    const stage = await start(by);
    await brings(stage, `${asks("Transfer-Encoding: chunked")}1\r\na\r\n1;`, 1);
    for (let second = 0; second < 7; second++) {
      stage.peer.send("x");
      await macrotask();
      stage.clock.advance(1000);
    }
    await expectTimeout(stage);
  });

  it("L-181 that moves at minProgress, for ten minutes: it is answered", async () => {
    const stage = await start(by);
    const piece = "a".repeat(160);
    stage.peer.send(asks(`Content-Length: ${600 * piece.length}`));
    for (let i = 1; i <= 600; i++) {
      await brings(stage, piece, i * piece.length);
      stage.clock.advance(1000);
    }
    await stage.peer.seen("96000 bytes");
    expect(stage.peer.text).toMatch(/^HTTP\/1.1 200 /);
    expect(await stage.outcome).toBe("whole");
  });

  it("L-181 that is announced by Expect, and never sent: 100, then 408", async () => {
    const stage = await start(by);
    stage.peer.send(asks("Content-Length: 10", "Expect: 100-continue"));
    await stage.peer.seen("HTTP/1.1 100 Continue\r\n\r\n");
    stage.clock.advance(3100);
    await expectTimeout(stage);
  });

  it.each([
    ["its length", asks("Content-Length: 1000")],
    ["its last chunk", `${asks("Transfer-Encoding: chunked")}190\r\n`],
  ])("L-182 that ends in front of %s: no answer, and reading fails", async (_, head) => {
    const stage = await start(by);
    await brings(stage, `${head}${"a".repeat(400)}`, 400);
    stage.peer.transport.end();
    await stage.peer.told("closed");
    expect(stage.peer.text).not.toContain("200 OK");
    expect(await stage.outcome).not.toBe("whole");
    await expect.poll(() => stage.server.counters.opening).toBe(0);
  });
});

// Memory counts what is taken; a system's own buffers would take more.
describe("a server of plain HTTP in memory", () => {
  it("L-183 takes no more than 256 KiB of a body that no hook reads, and ends behind its answer", async () => {
    const gate = newDeferred<void>();
    const server = await memoryNetwork().serve(
      { port: 80, clock: new FakeClock(), maxBodySize: 100_000_000, ...times },
      { http: { POST: () => gate.promise.then(() => ({ body: "done" })) } },
    );
    servers.push(server);
    const size = 16 * 1024;
    const [ours, theirs] = memoryPair({ capacity: size });
    server.accept(ours);
    const peer = new HttpPeer(theirs);
    peers.push(peer);
    let drains = 0;
    peer.onDrain = () => void drains++;
    theirs.write(encodeUtf8(asks("Content-Length: 64000000")));
    await macrotask();

    let writes = 0;
    const piece = new Uint8Array(size);
    for (let held = 0; held < 10 && writes < 4000;) {
      const before = drains;
      if (!theirs.write(piece)) {
        for (held = 0; held < 10 && drains === before; held++) await macrotask();
      }
      writes++;
    }
    expect(writes * size).toBeGreaterThan(64 * 1024);
    expect(writes * size).toBeLessThanOrEqual(256 * 1024);

    gate.resolve();
    await peer.seen("done");
    expect(peer.text).toContain("\r\nConnection: close\r\n");
  });
});
