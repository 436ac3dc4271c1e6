import { afterEach, describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { newDeferred } from "../../src/deferred.ts";
import { OpContinuation, OpText } from "../../src/frame/opcode.ts";
import { Ends, sendTooMuch, standsStill } from "../support/ends.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { frame } from "../support/frames.ts";
import { runtime } from "../support/runtime.ts";
import { macrotask } from "../support/turns.ts";

/** Life is progress, over real sockets: whom no time-out may end that moves, and who is ended that does not. */

const ends = new Ends();

afterEach(() => ends.finish());

const times = { pingInterval: 1000, pongTimeout: 1000 };

describe(`pongTimeout, on ${runtime}`, () => {
  it.each(["message", "open", "ping"] as const)(
    "ends a connection whose peer takes nothing, while `%s` awaits a send to it",
    async (name) => {
      const clock = new FakeClock();
      const sending = newDeferred<unknown>();
      const { server, opened, ended } = await ends.serve(
        {
          message() {},
          async [name](ws: Parameters<typeof sendTooMuch>[0]) {
            const sent = sendTooMuch(ws);
            sending.resolve(sent.catch((error: unknown) => error));
            await sent;
          },
        },
        { clock, maxBufferedAmount: Infinity, ...times },
      );
      const { peer, client } = await ends.open(server);
      client.pause();
      if (name === "message") peer.text("work");
      if (name === "ping") peer.endpoint.sendPing(encodeUtf8("work"));
      peer.flush();
      const ws = await opened;
      await expect.poll(() => ws.bufferedAmount).toBeGreaterThan(0);
      await standsStill(() => ws.bufferedAmount);
      for (let time = 0; time < 4000; time += 100) {
        clock.advance(100);
        await macrotask();
      }
      expect(await ended).toMatchObject({ status: 1006, error: { code: "PONG_TIMEOUT" } });
      expect(await sending.promise).toMatchObject({ name: "ClosedError", status: 1006 });
    },
  );

  it("ends nobody who reads large messages slowly, though his pongs wait behind them", async () => {
    const clock = new FakeClock();
    const { server, opened, ended } = await ends.serve(
      { open: (ws) => void sendTooMuch(ws).catch(() => {}) },
      { clock, maxBufferedAmount: Infinity, ...times },
    );
    const { peer, client } = await ends.open(server);
    client.pause();
    const ws = await opened;
    await standsStill(() => ws.bufferedAmount);
    let rounds = 0;
    while (ws.bufferedAmount > 0) {
      // Nothing but time, and then some bytes: never so much of it that a pong was due.
      clock.advance(700);
      const before = ws.bufferedAmount;
      client.resume();
      await expect.poll(() => ws.bufferedAmount, { interval: 1 }).toBeLessThan(before);
      client.pause();
      await standsStill(() => ws.bufferedAmount);
      expect(ws.state).toBe("open");
      rounds++;
    }
    // Some were needed, or nothing was shown: the time-out is over after two.
    expect(rounds).toBeGreaterThan(2);
    client.resume();
    await expect.poll(() => peer.lines.filter((line) => line.startsWith("binary")).length).toBe(4);
    peer.close(1000);
    expect(await ended).toMatchObject({ status: 1000, clean: true });
  });
});

describe(`idleTimeout, on ${runtime}`, () => {
  it("ends nobody in the middle of a message whose pieces keep coming, and then who sends no more", async () => {
    const clock = new FakeClock();
    const { server, opened, ended, lines } = await ends.serve(
      { message() {} },
      { clock, idleTimeout: 1000 },
    );
    const { peer } = await ends.open(server);
    const ws = await opened;
    const piece = new Uint8Array(1000).fill(0x61);
    peer.send(frame(OpText, piece, { masked: true, fin: false }));
    for (let count = 2; count <= 8; count++) {
      await expect.poll(() => ws.counters.received.frames).toBe(count - 1);
      clock.advance(700);
      expect(ws.state).toBe("open");
      peer.send(frame(OpContinuation, piece, { masked: true, fin: count === 8 }));
    }
    await expect.poll(() => lines.length).toBe(2);
    expect(lines[1]).toBe(`message ${"a".repeat(8000)}`);
    for (let time = 0; time < 1500; time += 100) clock.advance(100);
    expect(await ended).toMatchObject({ status: 1001, error: { code: "IDLE_TIMEOUT" } });
  });
});
