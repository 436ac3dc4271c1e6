import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import { macrotask } from "../support/turns.ts";
import { connectOpen, expectAliveOn, expectNoRejections } from "./play.ts";
import { memoryPair } from "../../adapters/memory/index.ts";
import { ping, show, text, type Role, roles } from "./support.ts";
import { expectOneEnd } from "./trace.ts";

/** Rows of section K of the battery: what an application does wrong. */

afterEach(expectNoRejections);

/** What cannot be written in types, but by an application without them. */
const untyped = (value: unknown): never => value as never;

/** What leaves when `act` has had its connection. */
async function repliesTo(role: Role, act: (ws: Connection) => unknown): Promise<readonly string[]> {
  const { peer, recorder, trace, ws } = await connectOpen(role);
  act(ws);
  await macrotask();
  const { replies } = trace();
  peer.end();
  await macrotask();
  expectOneEnd(recorder.events);
  return replies;
}

describe.each(roles)("a %s: send() with odd text", (role) => {
  it.each([
    ["a lone high surrogate", "a\ud83d", "a\ufffd"],
    ["a lone low surrogate", "\ude00a", "\ufffda"],
    ["surrogates in the wrong order", "\ude00\ud83d", "\ufffd\ufffd"],
    [
      "a lone surrogate in a long text",
      `${"a".repeat(10_000)}\ud800`,
      `${"a".repeat(10_000)}\ufffd`,
    ],
    [
      "a lone surrogate in a text of middling size",
      `${"a".repeat(40)}\udc00`,
      `${"a".repeat(40)}\ufffd`,
    ],
  ])("K-169 %s → U+FFFD", async (_, sent, received) => {
    expect(await repliesTo(role, (ws) => ws.send(sent))).toEqual([`text ${show(received)}`]);
  });

  it.each([125, 126, 65_535, 65_536])(
    "K-169 %d bytes in two-byte characters → whole",
    async (size) => {
      const message = "\u00e4".repeat(size / 2) + "a".repeat(size % 2);
      expect(await repliesTo(role, (ws) => ws.send(message))).toEqual([`text ${show(message)}`]);
    },
  );
});

/** Takes the bytes of a buffer away, as posting it to a worker does. */
function detach(buffer: ArrayBuffer): void {
  structuredClone(buffer, { transfer: [buffer] });
  if (buffer.byteLength !== 0) throw new Error("The buffer is not detached");
}

interface Resizable extends ArrayBuffer {
  resize(size: number): void;
}

/** A buffer of 8 bytes 0 to 7 that may grow and shrink. */
function resizable(): Resizable {
  const Maker = ArrayBuffer as unknown as new (
    size: number,
    o: { maxByteLength: number },
  ) => Resizable;
  const buffer = new Maker(8, { maxByteLength: 16 });
  new Uint8Array(buffer).set([0, 1, 2, 3, 4, 5, 6, 7]);
  return buffer;
}

describe.each(roles)("a %s: send() with odd bytes", (role) => {
  it.each([
    ["an empty array", () => new Uint8Array(0), "[]"],
    ["an ArrayBuffer", () => Uint8Array.of(1, 2).buffer, "[01 02]"],
    ["an empty ArrayBuffer", () => new ArrayBuffer(0), "[]"],
    ["a part of a buffer", () => Uint8Array.of(1, 2, 3, 4).subarray(1, 3), "[02 03]"],
    ["a DataView on a part", () => new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2), "[02 03]"],
    ["numbers of two bytes", () => Uint16Array.of(0x0101, 0x0202), "[01 01 02 02]"],
    ["shared memory", () => new Uint8Array(new SharedArrayBuffer(2)).fill(7), "[07 07]"],
    ["a resizable buffer", () => resizable(), "[00 01 02 03 04 05 06 07]"],
  ])("K-170 %s → its bytes", async (_, make, bytes) => {
    expect(await repliesTo(role, (ws) => ws.send(make() as Uint8Array))).toEqual([
      `binary ${bytes}`,
    ]);
  });

  it("K-170 a view that follows a buffer which shrank → what is left of it", async () => {
    const buffer = resizable();
    const view = new Uint8Array(buffer);
    buffer.resize(2);
    expect(await repliesTo(role, (ws) => ws.send(view))).toEqual(["binary [00 01]"]);
  });

  it("K-170 a buffer that was taken away, and views on it → TypeError, and nothing is sent", async () => {
    const view = new Uint8Array(8).fill(7);
    const { buffer } = view;
    const views = [view, buffer, new DataView(buffer), new Uint16Array(buffer)];
    detach(buffer);
    for (const data of views) {
      expect(await repliesTo(role, (ws) => expect(() => ws.send(data)).toThrow(TypeError))).toEqual(
        [],
      );
    }
  });

  it("K-170 bytes that are changed after the call → as they were", async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const replies = await repliesTo(role, (ws) => {
      void ws.send(bytes);
      bytes.fill(9);
    });
    expect(replies).toEqual(["binary [01 02 03]"]);
  });

  it.each([
    ["undefined", undefined],
    ["null", null],
    ["a number", 100_000_000],
    ["a bigint", 5n],
    ["a boolean", true],
    ["a list of numbers", [1, 2, 3]],
    ["an object with a length", { length: 5, byteLength: 5 }],
    ["a Blob", new Blob(["a"])],
    ["a String object", Object("a")],
    ["a symbol", Symbol("a")],
    ["a function", () => "a"],
    ["shared memory without a view", new SharedArrayBuffer(2)],
  ])("K-170 %s → TypeError, and nothing is sent", async (_, data) => {
    const replies = await repliesTo(role, (ws) => {
      expect(() => ws.send(untyped(data))).toThrow(TypeError);
      expect(ws.state).toBe("open");
    });
    expect(replies).toEqual([]);
  });

  it.each([
    ["126 bytes", new Uint8Array(126), RangeError],
    ["a text of 126 bytes", "\u00e4".repeat(63), RangeError],
    ["a number", 100, TypeError],
    ["null", null, TypeError],
  ])("K-170 ping() with %s → thrown, and nothing is sent", async (_, payload, error) => {
    const replies = await repliesTo(role, (ws) => {
      expect(() => ws.ping(untyped(payload))).toThrow(error);
    });
    expect(replies).toEqual([]);
  });
});

const ways: [how: string, fail: (reason: unknown) => unknown][] = [
  [
    "throws",
    (reason) => {
      throw reason;
    },
  ],
  ["rejects", (reason) => Promise.reject(reason)],
  [
    "rejects later",
    async (reason) => {
      for (let i = 0; i < 20; i++) await undefined;
      throw reason;
    },
  ],
];

const failure = new Error("the application's");

describe.each(roles)("a %s: a handler that fails", (role) => {
  const table = (["open", "message"] as const).flatMap((name) =>
    ways.map(([how, fail]) => [name, how, fail] as const),
  );

  it.each(table)("K-171 %s %s → 1011, reported once", async (name, _, fail) => {
    let failures = 0;
    const setup = {
      handlers: (): ServerHandlers => ({
        [name]: () => (failures++ === 0 ? fail(failure) : undefined),
      }),
    };
    const { peer, recorder, server, trace } = await connectOpen(role, setup);
    peer.send(text("a"), text("late"), ping("late"));
    await macrotask();
    // A ping is answered at once, whatever a handler is at.
    const [close, ...before] = trace().replies.toReversed();
    expect(close).toBe("close 1011");
    if (before.length > 0) expect(before).toEqual(['pong "late"']);
    expect(trace()).toMatchObject({ status: 101, end: "framewire" });
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual([
      "open",
      ...(name === "open" ? [] : ['text "a"']),
      "error the application's",
      "close 1006 unclean local",
    ]);
    expect(recorder.clock.running).toBe(0);
    await expectAliveOn({ role, recorder, server });
  });

  it.each([undefined, null, "text", 0, Symbol.for("a")])(
    "K-171 message throws %s → 1011, reported once",
    async (reason) => {
      const seen: unknown[] = [];
      const { peer, recorder, trace, ws } = await connectOpen(role, {
        handlers: () => ({
          message: () => {
            throw reason;
          },
          error: (_, error) => seen.push(error),
        }),
      });
      peer.send(text("a"), text("late"));
      await macrotask();
      expect(trace()).toMatchObject({ replies: ["close 1011"], end: "framewire" });
      peer.end();
      await macrotask();
      expect(seen).toEqual([reason]);
      expect(recorder.events.at(-1)).toBe("close 1006 unclean local");
      expect(await ws.closed).toMatchObject({ status: 1006, initiator: "local" });
    },
  );

  const lateTable = (["error", "close", "refused"] as const).flatMap((name) =>
    ways.map(([how, fail]) => [name, how, fail] as const),
  );

  it.each(lateTable.filter(([name]) => role === "server" || name !== "refused"))(
    "K-171 %s %s → the connection ends, and the next one opens",
    async (name, _, fail) => {
      let failures = 0;
      const setup = {
        handlers: (): ServerHandlers => ({
          [name]: () => (failures++ === 0 ? fail(failure) : undefined),
        }),
      };
      const { peer, recorder, server, trace } = await connectOpen(role, setup);
      peer.send(name === "close" ? text("a") : text("a", { wrongMask: true }));
      await macrotask();
      peer.end();
      await macrotask();
      expect(peer.isClosed).toBe(true);
      expect(trace().replies).toEqual(name === "close" ? [] : ["close 1002"]);
      expectOneEnd(recorder.events);
      expect(recorder.clock.running).toBe(0);
      if (name === "refused") {
        const [bad, theirsBad] = memoryPair();
        server!.accept(bad);
        theirsBad.write(new Uint8Array(1));
        await macrotask();
        theirsBad.destroy();
        await macrotask();
      }
      expect(failures).toBeGreaterThan(0);
      await expectAliveOn({ role, recorder, server });
    },
  );

  it("K-171 close never settles → all goes on", async () => {
    const setup = { handlers: () => ({ close: () => new Promise(() => {}) }) };
    const { peer, recorder, server } = await connectOpen(role, setup);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
    expect(server?.connections ?? []).toEqual([]);
    await expectAliveOn({ role, recorder, server });
    const over = server?.shutdown();
    await macrotask();
    // It has until the deadline, and no longer.
    recorder.clock.advance(11_000);
    await over;
  });
});
