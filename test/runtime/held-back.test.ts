import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { IncomingMessage } from "../../src/connection/receive/incoming.ts";
import { newDeferred } from "../../src/deferred.ts";
import { OpBinary, OpContinuation, OpPing, OpText } from "../../src/frame/opcode.ts";
import { Ends, standsStill } from "../support/ends.ts";
import { frame } from "../support/frames.ts";
import type { Peer } from "../support/peer.ts";
import { runtime } from "../support/runtime.ts";

/** What comes and is not taken, over real sockets: bounded, in its order, and never in the way of what follows. */

const ends = new Ends();

afterEach(() => ends.finish());

const size = 48 * 1024;

/** Sends a message in three frames; together they are more than the mark. */
function sendFragments(peer: Peer): void {
  const payload = new Uint8Array(size);
  peer.send(
    frame(OpBinary, payload, { masked: true, fin: false }),
    frame(OpContinuation, payload, { masked: true, fin: false }),
    frame(OpContinuation, payload, { masked: true }),
  );
}

describe(`a message in pieces that is left unread, on ${runtime}`, () => {
  /** Ways to leave it. */
  const leaving: Record<string, (message: IncomingMessage) => unknown> = {
    "a handler that does not look": () => {},
    "an async handler that does not look": async () => {
      await Promise.resolve();
    },
    "a loop that is broken off": async (message) => {
      for await (const piece of message) {
        expect(piece).toBeInstanceOf(Uint8Array);
        break;
      }
    },
    "a stream that is canceled": async ({ readable }) => {
      const reader = (readable as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await reader.cancel();
    },
    "a reader that takes one piece": async (message) => {
      const { value } = await message[Symbol.asyncIterator]().next();
      expect(value).toBeInstanceOf(Uint8Array);
    },
  };

  it.each(Object.keys(leaving))("%s: what follows comes, however often", async (name) => {
    const texts: string[] = [];
    const done = newDeferred<void>();
    const { server, ended } = await ends.serve({
      async stream(_, message) {
        if (!message.isText) return leaving[name]!(message);
        texts.push(await message.text());
        if (texts.length === 10) done.resolve();
        return undefined;
      },
    });
    const { peer } = await ends.open(server);
    for (let i = 0; i < 10; i++) {
      sendFragments(peer);
      peer.text(`${i}`);
    }
    await done.promise;
    expect(texts).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    peer.close(1000);
    expect(await ended).toMatchObject({ clean: true });
  });

  it("receiveStream(): what follows comes, however often", async () => {
    const { server, opened, ended } = await ends.serve();
    const { peer } = await ends.open(server);
    const ws = await opened;
    for (let i = 0; i < 10; i++) {
      const incoming = ws.receiveStream();
      sendFragments(peer);
      peer.text(`${i}`);
      for await (const piece of await incoming) {
        expect(piece).toBeInstanceOf(Uint8Array);
        break;
      }
      expect(await ws.receive()).toBe(`${i}`);
    }
    peer.close(1000);
    expect(await ended).toMatchObject({ clean: true });
  });

  it.each(["breaks out of it", "returns", "ends its iterator"])(
    "has no part in what follows, where its handler %s while more is there than is taken in",
    async (way) => {
      const full = newDeferred<void>();
      const next = newDeferred<string>();
      const { server } = await ends.serve({
        async stream(_, message) {
          if (message.isText) {
            next.resolve(await message.text());
            return;
          }
          await full.promise;
          if (way === "returns") return;
          for await (const piece of message) {
            expect(piece).toBeInstanceOf(Uint8Array);
            if (way === "breaks out of it") break;
            await (message[Symbol.asyncIterator]().return!() as Promise<unknown>);
          }
        },
      });
      const { peer } = await ends.open(server);
      const payload = new Uint8Array(4000);
      peer.send(
        frame(OpBinary, payload, { masked: true, fin: false }),
        ...Array<Uint8Array>(100).fill(
          frame(OpContinuation, payload, { masked: true, fin: false }),
        ),
        frame(OpContinuation, payload, { masked: true }),
      );
      peer.text("behind it");
      await standsStill(() => server.counters.received.frames);
      expect(server.counters.received.messages).toBe(0);
      full.resolve();
      expect(await next.promise).toBe("behind it");
    },
  );
});

describe(`those who wait for messages, on ${runtime}`, () => {
  it("take none when they have left: a step of a loop that is given up", async () => {
    const { server, opened } = await ends.serve();
    const { peer } = await ends.open(server);
    const ws = await opened;
    const steps = ws[Symbol.asyncIterator]();
    const given = steps.next();
    const other = steps.next();
    expect(await Promise.race([given, "something else"])).toBe("something else");
    await steps.return!();
    expect(await Promise.all([given, other])).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    peer.text("for whoever asks next");
    expect(await ws.receive()).toBe("for whoever asks next");
  });

  it("get a piece each, where it is pieces of a message that they ask for", async () => {
    const { server, opened } = await ends.serve();
    const { peer } = await ends.open(server);
    const incoming = (await opened).receiveStream();
    peer.send(frame(OpText, "", { masked: true, fin: false }));
    const steps = (await incoming)[Symbol.asyncIterator]();
    const asked = [steps.next(), steps.next(), steps.next(), steps.next()];
    for (const text of ["a", "b", "c"]) {
      peer.send(frame(OpContinuation, text, { masked: true, fin: text === "c" }));
    }
    const got = await Promise.all(asked);
    expect(got.map(({ value }) => value as unknown)).toEqual(["a", "b", "c", undefined]);
    expect(got[3]!.done).toBe(true);
  });
});

describe(`a peer that sends more than is taken, on ${runtime}`, () => {
  const count = 16_000;
  /** The mark of 64 KiB, at 64 bytes for each thing and what it holds, and what one chunk may add. */
  const most = 1100;

  /** What comes, by the frame, and a handler that takes it once the gate is open, and tells how many it has taken. */
  const floods: Record<
    string,
    {
      readonly first: Uint8Array;
      readonly each: Uint8Array;
      readonly last: Uint8Array;
      handlers(gate: Promise<void>, taken: () => void): ServerHandlers;
    }
  > = {
    "fragments of one byte, to a slow stream": {
      first: frame(OpText, "", { masked: true, fin: false }),
      each: frame(OpContinuation, "x", { masked: true, fin: false }),
      last: frame(OpContinuation, "", { masked: true }),
      handlers: (gate, taken) => ({
        async stream(_, message) {
          await gate;
          for await (const piece of message) {
            expect(piece).toBe("x");
            taken();
          }
        },
      }),
    },
    "pings, to a slow handler for them": {
      first: frame(OpPing, "first", { masked: true }),
      each: frame(OpPing, "", { masked: true }),
      last: frame(OpText, "last", { masked: true }),
      handlers: (gate, taken) => ({
        message() {},
        ping: (_, payload) => (payload.length > 0 ? gate : (taken(), undefined)),
      }),
    },
    "empty messages, to a slow handler": {
      first: frame(OpText, "first", { masked: true }),
      each: frame(OpText, "", { masked: true }),
      last: frame(OpPing, "", { masked: true }),
      handlers: (gate, taken) => ({
        message: (_, data) => (data === "first" ? gate : (taken(), undefined)),
      }),
    },
    "empty messages that nobody asks for": {
      first: frame(OpText, "", { masked: true }),
      each: frame(OpText, "", { masked: true }),
      last: frame(OpText, "last", { masked: true }),
      handlers: (gate, taken) => ({
        async open(ws: Connection) {
          await gate;
          for await (const data of ws) if (data === "") taken();
        },
      }),
    },
  };

  it.each(Object.keys(floods))("%s: is held back, and all arrives later", async (name) => {
    const { first, each, last, handlers } = floods[name]!;
    const gate = newDeferred<void>();
    let taken = 0;
    const { server, ended } = await ends.serve(
      handlers(gate.promise, () => taken++),
      { maxFragments: 0 },
    );
    const { peer } = await ends.open(server);
    peer.send(first, ...Array<Uint8Array>(count).fill(each), last);
    await standsStill(() => server.counters.received.frames);
    expect(server.counters.received.frames).toBeGreaterThan(10);
    expect(server.counters.received.frames).toBeLessThan(most);
    expect(taken).toBe(0);
    gate.resolve();
    peer.close(1000);
    expect(await ended).toMatchObject({ status: 1000, clean: true });
    expect(taken).toBe(name.includes("nobody asks") ? count + 1 : count);
  });
});
