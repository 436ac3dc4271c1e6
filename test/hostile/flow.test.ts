import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { newDeferred } from "../../src/deferred.ts";
import { ClosedError, LimitError } from "../../src/errors.ts";
import { macrotask } from "../support/turns.ts";
import { connectOpen, expectNoRejections } from "./play.ts";
import {
  binary,
  close,
  ping,
  type Setup,
  show,
  text,
  roles,
  wrongMaskCode,
  joined,
} from "./support.ts";
import { expectOneEnd } from "./trace.ts";

/** Rows of sections G and K of the battery about peers that send too fast or read too slowly. */

afterEach(expectNoRejections);

const KiB = 1024;

/** Reads that a connection takes in before it holds the peer back, since most handlers are done sooner. */
const fewReads = 8;

describe.each(roles)("a %s: a peer that sends faster than a handler goes on", (role) => {
  it("G-126 4 MiB → held back but for a few reads, then delivered in order", async () => {
    let gate = newDeferred<void>();
    const setup = { handlers: () => ({ message: () => gate.promise }) };
    const capacity = 64 * KiB;
    const { peer, recorder } = await connectOpen(role, setup, capacity);
    const messages = Array.from({ length: 256 }, (_, i) => new Uint8Array(16 * KiB).fill(i));
    peer.send(...messages.map((message) => binary(message)), close(1000));
    const all = peer.unsent;
    await macrotask();
    expect(recorder.events).toHaveLength(2);
    expect(all - peer.unsent).toBeLessThan((fewReads + 1) * capacity);

    const first = gate;
    gate = newDeferred<void>();
    first.resolve();
    await macrotask();
    expect(recorder.events).toHaveLength(3);
    expect(all - peer.unsent).toBeLessThan((fewReads + 2) * capacity);

    gate.resolve();
    await macrotask();
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual([
      "open",
      ...messages.map((message) => `binary ${show(message)}`),
      "close 1000 clean peer",
    ]);
  });

  it("G-126 4 MiB to a handler that only awaits a little → no more than a few reads are held", async () => {
    const capacity = 64 * KiB;
    const size = 16 * KiB;
    let delivered = 0;
    let most = 0;
    const setup: Setup = {
      handlers: () => ({
        message: async () => {
          await undefined;
          delivered += size;
          most = Math.max(most, all - peer.unsent - delivered);
        },
      }),
    };
    const { peer, recorder } = await connectOpen(role, setup, capacity);
    peer.send(...Array.from({ length: 256 }, () => binary(new Uint8Array(size))));
    const all = peer.unsent;
    await macrotask();
    expect(recorder.events).toHaveLength(257);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
    expect(most).toBeLessThan((fewReads + 1) * capacity);
  });
});

describe.each(roles)("a %s: a peer that does not read", (role) => {
  it("G-128 10 000 pings → 4 KiB of pongs, and the last one", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role, {}, 1);
    peer.transport.pause();
    let most = 0;
    for (let i = 1; i <= 10_000; i++) {
      peer.send(ping(`${i}`.padEnd(125, ".")));
      if (i % 100 > 0) continue;
      await macrotask();
      most = Math.max(most, ws.bufferedAmount);
    }
    expect(peer.unsent).toBe(0);
    expect(most).toBeGreaterThan(0);
    const frameSize = 127;
    expect(most).toBeLessThanOrEqual(4 * KiB + 2 * frameSize);

    peer.transport.resume();
    await macrotask();
    const numbers = trace().replies.map((reply) => parseInt(reply.slice('pong "'.length), 10));
    expect(numbers.at(-1)).toBe(10_000);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers.length).toBeLessThan(200);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("G-128 pings in one chunk → 4 KiB of pongs, and the last one", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role, {}, 1);
    peer.transport.pause();
    peer.send(joined(Array.from({ length: 10_000 }, (_, i) => ping(`${i}`.padEnd(125, ".")))));
    await macrotask();
    expect(ws.bufferedAmount).toBeLessThanOrEqual(4 * KiB + 2 * 127);
    peer.transport.resume();
    await macrotask();
    expect(trace().replies.at(-1)).toMatch(/^pong "9999\./);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("G-128 a pong that is held back → not sent behind a close frame", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role, {}, 1);
    peer.transport.pause();
    void ws.send("a".repeat(5000));
    await macrotask();
    void ws.send("b".repeat(5000));
    await macrotask();
    peer.send(ping("held back"));
    await macrotask();
    expect(ws.bufferedAmount).toBeGreaterThan(5000);
    void ws.close(1000);
    peer.transport.resume();
    await macrotask();
    expect(trace().replies.at(-1)).toBe("close 1000");
    peer.send(close(1000));
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("H-141 our close is not read → dropped at closeTimeout", async () => {
    const { peer, recorder, ws } = await connectOpen(role, {}, 1);
    peer.transport.pause();
    void ws.send("a".repeat(100_000));
    void ws.send("b".repeat(100_000));
    peer.send(text("late", { wrongMask: true }));
    await macrotask();
    expect(ws.bufferedAmount).toBeGreaterThan(0);
    recorder.clock.advance(9900);
    await macrotask();
    expect(peer.isClosed).toBe(false);
    recorder.clock.advance(200);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.events).toEqual([
      "open",
      `error ${wrongMaskCode[role]}`,
      "close 1006 unclean peer",
    ]);
    expect(recorder.clock.running).toBe(0);
  });

  const options = { maxBufferedAmount: 1024 * KiB, highWaterMark: 64 * KiB };

  it("K-165 an application that does not wait → refused and dropped at maxBufferedAmount", async () => {
    const { peer, recorder, ws } = await connectOpen(role, { options }, 1);
    peer.transport.pause();
    const data = new Uint8Array(16 * KiB);
    const sends: Promise<void>[] = [];
    let most = 0;
    while (ws.state === "open" && sends.length < 1000) {
      sends.push(ws.send(data));
      most = Math.max(most, ws.bufferedAmount);
    }
    expect(most).toBeGreaterThan(1000 * KiB);
    expect(most).toBeLessThanOrEqual(1024 * KiB);
    await expect(sends.at(-1)).rejects.toThrow(LimitError);
    await expect(sends.at(-1)).rejects.toMatchObject({ code: "TOO_MUCH_BUFFERED" });
    await expect(ws.send(data)).rejects.toThrow(ClosedError);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.events).toEqual([
      "open",
      "error TOO_MUCH_BUFFERED",
      "close 1006 unclean local",
    ]);
    // The one that waited above the mark learns of the end as well.
    const outcomes = await Promise.allSettled(sends);
    expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(1);
    expect(recorder.clock.running).toBe(0);
  });

  it.each([
    ["text in three-byte characters", (ws: Connection) => ws.send("\u20ac".repeat(8 * KiB))],
    ["bytes", (ws: Connection) => ws.send(new Uint8Array(24 * KiB))],
    ["pings", (ws: Connection) => ws.ping("a".repeat(125))],
  ])("K-165 %s without waiting → never more than maxBufferedAmount", async (_, send) => {
    const { peer, recorder, ws } = await connectOpen(role, { options }, 1);
    peer.transport.pause();
    let most = 0;
    for (let i = 0; i < 20_000 && ws.state === "open"; i++) {
      void send(ws);
      most = Math.max(most, ws.bufferedAmount);
    }
    ws.terminate();
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.events).toEqual([
      "open",
      "error TOO_MUCH_BUFFERED",
      "close 1006 unclean local",
    ]);
    expect(most).toBeLessThanOrEqual(1024 * KiB);
  });

  it("K-165 an application that waits → no more than the mark and a message", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role, { options }, 1);
    peer.transport.pause();
    let most = 0;
    const messages = Array.from({ length: 200 }, (_, i) => new Uint8Array(16 * KiB).fill(i));
    const sending = (async (): Promise<void> => {
      for (const message of messages) {
        const sent = ws.send(message);
        most = Math.max(most, ws.bufferedAmount);
        await sent;
      }
    })();
    await macrotask();
    expect(most).toBeGreaterThan(64 * KiB);
    peer.transport.resume();
    await sending;
    await macrotask();
    expect(most).toBeLessThanOrEqual((64 + 16 + 1) * KiB);
    expect(trace().replies).toEqual(messages.map((message) => `binary ${show(message)}`));
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("K-166 writes that are borrowed one after the other → all bytes in order", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role, {}, 1);
    const sizes = [1, 70_000, 0, 125, 65_536, 3, 1000];
    const messages = sizes.map((size, i) => new Uint8Array(size).fill(i));
    for (const message of messages) {
      void ws.send(message);
      message.fill(0xff);
    }
    const texts = sizes.map((size, i) => String(i).repeat(size));
    for (const message of texts) void ws.send(message);
    await macrotask();
    const wanted = sizes.map((size, i) => `binary ${show(new Uint8Array(size).fill(i))}`);
    expect(trace().replies).toEqual([
      ...wanted,
      ...texts.map((message) => `text ${show(message)}`),
    ]);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });
});
