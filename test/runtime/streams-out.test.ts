import { afterEach, describe, expect, it } from "vitest";
import process from "node:process";
import { concat } from "../../src/bytes.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { Ends, standsStill } from "../support/ends.ts";
import { runtime } from "../support/runtime.ts";
import { nameOf } from "../support/server.ts";
import { macrotask } from "../support/turns.ts";

/** What leaves a connection, over real sockets: whole, in its order, within its limit, with nobody left waiting. */

const ends = new Ends();

afterEach(() => ends.finish());

const noLimit = { maxMessageSize: 0, maxFrameSize: 0 };

/** Pieces that a compressor takes its time for, and cannot make small. */
function randomPieces(count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const piece = new Uint8Array(size);
    for (let at = 0; at < size; at += 50_000)
      crypto.getRandomValues(piece.subarray(at, at + 50_000));
    return piece;
  });
}

/** Where two arrays differ for the first time, -1 where they are the same; vitest takes seconds for such arrays. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  return a.findIndex((byte, at) => byte !== b[at]);
}

async function* slowly(pieces: readonly string[]): AsyncGenerator<string> {
  for (const piece of pieces) {
    await macrotask();
    yield piece;
  }
}

/** Pings for as long as it is open, the next one when the last was sent and the event loop has come round. */
async function pingOnAndOn(ws: Connection): Promise<void> {
  while (ws.state === "open") {
    void ws.ping("x");
    await macrotask();
  }
}

describe(`a compressed message in pieces, on ${runtime}`, () => {
  const compressed = { compression: true, ...noLimit };

  it("arrives whole, byte for byte, while its receiver pings", async () => {
    const pieces = randomPieces(32, 250_000);
    const { url } = await ends.serve({ open: (ws) => ws.sendStream(pieces) }, compressed);
    const got = newDeferred<Uint8Array>();
    const ws = await ends.connect(url, compressed, {
      message: (_, data) => void got.resolve(data as Uint8Array),
    });
    const pinging = pingOnAndOn(ws);
    expect(firstDifference(await got.promise, concat(pieces))).toBe(-1);
    await ws.close();
    await pinging;
  });

  it("arrives whole where each piece is awaited and pongs of its sender go in between", async () => {
    const pieces = randomPieces(24, 250_000);
    const { url, opened, ended } = await ends.serve({}, compressed);
    const ws = await ends.connect(url, compressed, {
      // Answers to what the server asks: each wakes whoever waits for room.
      ping: (client) => client.ping("back"),
    });
    const ours = await opened;
    const pinging = pingOnAndOn(ours);
    const writer = ws.beginMessage({ binary: true });
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
    const got = (await ours.receive()) as Uint8Array;
    expect(firstDifference(got, concat(pieces))).toBe(-1);
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true });
    await ended;
    await pinging;
  });
});

describe(`messages in pieces that are sent at once, on ${runtime}`, () => {
  it("arrive one after the other, as many as they were: sendStream", async () => {
    const { url, opened, lines } = await ends.serve();
    const ws = await ends.connect(url);
    const sending = ["a", "b", "c"].map((name) =>
      ws.sendStream(slowly([`${name}0 `, `${name}1 `, `${name}2 `])),
    );
    const ours = await opened;
    expect([await ours.receive(), await ours.receive(), await ours.receive()].sort()).toEqual([
      "a0 a1 a2 ",
      "b0 b1 b2 ",
      "c0 c1 c2 ",
    ]);
    await Promise.all(sending);
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true });
    expect(lines).not.toContain(expect.stringMatching("error"));
  });

  it("arrive in the order in which they took their places: two writers that write by turns", async () => {
    const { url, opened } = await ends.serve();
    const ws = await ends.connect(url);
    const front = ws.beginMessage();
    await front.write("front");
    const one = ws.beginMessage();
    const two = ws.beginMessage();
    const writes = ["a", "b"].flatMap((piece) => [one.write(`1${piece}`), two.write(`2${piece}`)]);
    writes.push(one.close(), two.close());
    await front.close();
    await Promise.all(writes);
    const ours = await opened;
    const got = [await ours.receive(), await ours.receive(), await ours.receive()];
    expect(got).toEqual(["front", "1a1b", "2a2b"]);
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true });
  });

  it("that all wait for the one in front begin when it is complete, each by itself", async () => {
    const { url, opened } = await ends.serve();
    const ws = await ends.connect(url);
    const front = ws.beginMessage();
    await front.write("front ");
    const behind = ["a", "b", "c"].map((name) => ws.sendStream([`${name}0 `, `${name}1 `]));
    const last = ws.send("last");
    await macrotask();
    await front.close();
    await Promise.all([...behind, last]);
    const ours = await opened;
    const got: unknown[] = [];
    for (let i = 0; i < 5; i++) got.push(await ours.receive());
    expect(got[0]).toBe("front ");
    expect(got.slice(1).sort()).toEqual(["a0 a1 ", "b0 b1 ", "c0 c1 ", "last"]);
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true });
  });
});

describe(`a close on ${runtime}`, () => {
  it("leaves what was sent before behind, also behind a writer whose close nobody awaited", async () => {
    const { url, opened, ended } = await ends.serve();
    const ws = await ends.connect(url);
    const writer = ws.beginMessage();
    await writer.write("in pieces");
    await ws.send("behind it");
    void writer.close();
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true, initiator: "local" });
    expect(await ended).toMatchObject({ status: 1000, clean: true, initiator: "peer" });
    const ours = await opened;
    expect([await ours.receive(), await ours.receive()]).toEqual(["in pieces", "behind it"]);
  });

  it("leaves behind a message that is being compressed, and two writers around it", async () => {
    const got: unknown[] = [];
    const options = { compression: true };
    const { url, ended } = await ends.serve(
      { message: (_, data) => void got.push(data.length > 99 ? data.length : data) },
      options,
    );
    const ws = await ends.connect(url, options);
    const [one, two] = [ws.beginMessage(), ws.beginMessage()];
    void one.write("one");
    void ws.send(randomPieces(1, 900_000)[0]!);
    void two.write("two");
    void two.close();
    void one.close();
    expect(await ws.close()).toMatchObject({ status: 1000, clean: true });
    expect(await ended).toMatchObject({ status: 1000, clean: true });
    expect(got).toEqual(["one", 900_000, "two"]);
  });
});

describe(`what is unsent on ${runtime}`, () => {
  const size = 64 * 1024;

  it("is limited for pieces that nobody awaits as for messages", async () => {
    const { server, opened, ended } = await ends.serve({}, { maxBufferedAmount: 2 ** 20 });
    const { client } = await ends.open(server);
    client.pause();
    const ws = await opened;
    const writer = ws.beginMessage({ binary: true });
    const outcomes: string[] = [];
    let most = 0;
    for (let i = 0; i < 2000 && ws.state === "open"; i++) {
      void writer.write(new Uint8Array(size)).catch((error: unknown) => {
        outcomes.push(nameOf(error));
      });
      most = Math.max(most, ws.bufferedAmount);
    }
    expect(most).toBeLessThanOrEqual(2 ** 20);
    expect(await ended).toMatchObject({ error: { code: "TOO_MUCH_BUFFERED", limit: 2 ** 20 } });
    expect(outcomes).toContain("TOO_MUCH_BUFFERED");
  });

  it("counts empty messages that wait behind a writer, so that they are limited too", async () => {
    const { url } = await ends.serve();
    const ws = await ends.connect(url, { maxBufferedAmount: 64 * 1024, overflow: "drop" });
    const writer = ws.beginMessage();
    await writer.write("begun");
    const outcomes: string[] = [];
    for (let i = 0; i < 4000; i++) {
      void ws.send("").then(
        () => outcomes.push("sent"),
        (error: unknown) => outcomes.push(nameOf(error)),
      );
    }
    expect(ws.bufferedAmount).toBeGreaterThan(0);
    // A message that waits costs 64 bytes, also the last one that fits.
    expect(ws.bufferedAmount).toBeLessThanOrEqual(64 * 1024 + 64);
    await writer.close();
    await standsStill(() => outcomes.length);
    expect(outcomes.filter((outcome) => outcome === "sent").length).toBeLessThanOrEqual(1024);
    expect(ws.counters.dropped).toBeGreaterThanOrEqual(4000 - 1024);
  });

  it.each(["close", "wait"] as const)(
    "is nothing once the peer has gone, overflow %s",
    async (overflow) => {
      const { server, opened } = await ends.serve(
        {},
        { overflow, maxBufferedAmount: overflow === "wait" ? 2 ** 20 : 0 },
      );
      const { client } = await ends.open(server);
      client.pause();
      const ws = await opened;
      for (let i = 0; i < 512; i++) void ws.send(new Uint8Array(size));
      const writer = ws.beginMessage({ binary: true });
      void writer.write(new Uint8Array(size));
      void ws.send(new Uint8Array(size));
      expect(ws.bufferedAmount).toBeGreaterThan(2 ** 20);
      client.socket.resetAndDestroy();
      await ws.closed;
      expect(ws.bufferedAmount).toBe(0);
      expect(ws.counters.queued).toBe(0);
    },
  );
});

describe(`a stream whose peer leaves, on ${runtime}`, () => {
  it("rejects for those who ask, and for nobody else: no rejection is left unhandled", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const { url, opened } = await ends.serve();
    const ws = await ends.connect(url);
    const gate = newDeferred<void>();
    const sending = ws.sendStream(
      (async function* () {
        yield "begun ";
        await gate.promise;
        yield "never sent";
      })(),
    );
    // Nobody looks at this one, nor at the writer's promises.
    void ws.sendStream(slowly(["waits ", "behind"]));
    const writer = ws.beginMessage();
    void writer.write("also behind");
    void writer.close();
    (await opened).terminate();
    await ws.closed;
    gate.resolve();
    await expect(sending).rejects.toMatchObject({ code: "CLOSED" });
    for (let i = 0; i < 5; i++) await macrotask();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });
});
