import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { ClosedError } from "../../src/errors.ts";
import { macrotask } from "../support/turns.ts";
import { connectOpen, expectNoRejections } from "./play.ts";
import { binary, close, header, hex, ping, text, roles, wrongMaskCode } from "./support.ts";
import { expectOneEnd } from "./trace.ts";

/** Rows of section H of the battery in which the application takes part, or time. */

afterEach(expectNoRejections);

/** What cannot be written in types, but by an application without them. */
const untyped = (value: unknown): never => value as never;

describe.each(roles)("a %s: close() with what may not be sent", (role) => {
  const refused: [name: string, act: (ws: Connection) => unknown, error: typeof Error][] = [
    ["a reason of 200 bytes", (ws) => ws.close(1000, "a".repeat(200)), RangeError],
    ["a reason of 124 bytes", (ws) => ws.close(1000, "a".repeat(124)), RangeError],
    [
      "a reason of 124 bytes whose last character would be cut",
      (ws) => ws.close(1000, `a${"\u20ac".repeat(41)}`),
      RangeError,
    ],
    ["a typed array as the reason", (ws) => ws.close(1000, untyped(new Uint8Array(5))), TypeError],
    ["a number as the reason", (ws) => ws.close(1000, untyped(50)), TypeError],
    ["an object as the reason", (ws) => ws.close(1000, untyped({ length: 5 })), TypeError],
    ["null as the reason", (ws) => ws.close(1000, untyped(null)), TypeError],
    ...[0, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65_536, -1, 1000.5, NaN, Infinity].map(
      (status) =>
        [`status ${status}`, (ws: Connection) => ws.close(status), RangeError] as [
          string,
          (ws: Connection) => unknown,
          typeof Error,
        ],
    ),
    ["status 1005, which is none, with a reason", (ws) => ws.close(1005, "why"), RangeError],
    ["a status as text", (ws) => ws.close(untyped("1000")), RangeError],
    ["null as the status", (ws) => ws.close(untyped(null)), RangeError],
  ];

  it.each(refused)("H-138 %s → thrown, and nothing is sent", async (_, act, error) => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    expect(() => act(ws)).toThrow(error);
    expect(ws.state).toBe("open");
    await macrotask();
    expect(trace().replies).toEqual([]);
    void ws.close(1000, "\u20ac".repeat(41));
    await macrotask();
    expect(trace().replies).toEqual([`close 1000 "${"\u20ac".repeat(41)}"`]);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("H-138 status 1005 → a close frame without one", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    void ws.close(1005);
    await macrotask();
    expect(trace().replies).toEqual(["close"]);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });

  it("H-138 a lone surrogate in the reason → U+FFFD, no half of a character", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    void ws.close(1000, "a\ud83d");
    await macrotask();
    expect(trace().replies).toEqual(['close 1000 "a\ufffd"']);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });
});

describe.each(roles)("a %s: a peer that goes on after its close", (role) => {
  it("H-140 an endless stream → dropped at closeTimeout, nothing delivered", async () => {
    const { peer, recorder, trace } = await connectOpen(role);
    peer.send(close(1000, "bye"));
    for (let time = 0; time < 10_000; time += 1000) {
      peer.send(text("late"), ping("late"));
      await macrotask();
      expect(peer.isClosed).toBe(false);
      recorder.clock.advance(1000);
    }
    recorder.clock.advance(100);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(trace().replies).toEqual(['close 1000 "bye"']);
    expect(recorder.events).toEqual(["open", 'close 1000 "bye" clean peer']);
    expect(recorder.clock.running).toBe(0);
  });
});

describe.each(roles)("a %s: a peer that does not close", (role) => {
  it("H-140 an endless stream behind our close → dropped at closeTimeout, nothing delivered", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    const closed = ws.close(1000);
    for (let time = 0; time < 10_000; time += 1000) {
      peer.send(text("late"), ping("late"));
      await macrotask();
      recorder.clock.advance(1000);
    }
    recorder.clock.advance(100);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(trace().replies).toEqual(["close 1000"]);
    expect(recorder.events).toEqual(["open", "error CLOSE_TIMEOUT", "close 1006 unclean local"]);
    expect(await closed).toMatchObject({ status: 1006, clean: false, initiator: "local" });
    expect(recorder.clock.running).toBe(0);
  });

  it("H-141 silence behind our close → 1006 at closeTimeout, not before", async () => {
    const { peer, recorder, ws } = await connectOpen(role, { options: { closeTimeout: 3000 } });
    void ws.close(4000, "bye");
    await macrotask();
    recorder.clock.advance(2900);
    await macrotask();
    expect(peer.isClosed).toBe(false);
    recorder.clock.advance(200);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.events).toEqual(["open", "error CLOSE_TIMEOUT", "close 1006 unclean local"]);
    expect(recorder.clock.running).toBe(0);
  });

  it("H-141 messages behind our close → not delivered, and the peer's close still counts", async () => {
    const { peer, recorder, ws } = await connectOpen(role);
    void ws.close(4000, "bye");
    peer.send(text("late"), close(4000, "bye"));
    await macrotask();
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual(["open", 'close 4000 "bye" clean local']);
    expect(recorder.clock.running).toBe(0);
  });

  it("H-141 a violation behind our close → reported, and no second close is sent", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    void ws.close(1000);
    peer.send(text("late", { wrongMask: true }));
    await macrotask();
    expect(trace()).toMatchObject({ replies: ["close 1000"], end: "framewire" });
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual([
      "open",
      `error ${wrongMaskCode[role]}`,
      "close 1006 unclean local",
    ]);
  });
});

describe.each(roles)("a %s: closes from both sides", (role) => {
  it("H-142 at once → one clean close", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    const closed = ws.close(1000, "ours");
    peer.send(close(1001, "theirs"));
    await macrotask();
    expect(trace()).toMatchObject({ replies: ['close 1000 "ours"'], end: "framewire" });
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual(["open", 'close 1001 "theirs" clean local']);
    expect(await closed).toEqual({
      status: 1001,
      reason: "theirs",
      clean: true,
      initiator: "local",
    });
    expect(recorder.clock.running).toBe(0);
  });
});

describe.each(roles)("a %s: calls at the wrong time", (role) => {
  it("H-143 send() and ping() while the connection closes, and when it has → ClosedError", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    void ws.close(1000);
    await expect(ws.send("late")).rejects.toThrow(ClosedError);
    await expect(ws.ping("late")).rejects.toThrow(ClosedError);
    peer.send(close(1000));
    peer.end();
    await macrotask();
    expect(ws.state).toBe("closed");
    await expect(ws.send("later")).rejects.toMatchObject({ status: 1000, clean: true });
    await expect(ws.ping("later")).rejects.toThrow(ClosedError);
    expect(trace().replies).toEqual(["close 1000"]);
    expect(recorder.events).toEqual(["open", "close 1000 clean local"]);
    expect(recorder.clock.running).toBe(0);
  });

  it("H-143 send() that nobody awaits after the end → no unhandled rejection", async () => {
    const { peer, ws } = await connectOpen(role);
    peer.end();
    await macrotask();
    void ws.send("late");
    void ws.ping("late");
    await macrotask();
    await expectNoRejections();
    expect(ws.state).toBe("closed");
  });

  it("H-143 close() twice, and after the end → one frame, the same closure", async () => {
    const { peer, recorder, trace, ws } = await connectOpen(role);
    const first = ws.close(1000, "first");
    const second = ws.close(1001, "second");
    peer.send(close(1000, "first"));
    peer.end();
    await macrotask();
    const third = ws.close(1002, "third");
    expect(trace().replies).toEqual(['close 1000 "first"']);
    expect(await second).toEqual(await first);
    expect(await third).toEqual(await first);
    expect(recorder.events).toEqual(["open", 'close 1000 "first" clean local']);
    expect(recorder.clock.running).toBe(0);
  });

  it("H-143 close() in open → the handshake, then a close; no message is delivered", async () => {
    const setup = { handlers: () => ({ open: (ws: Connection) => void ws.close(4001) }) };
    const { peer, recorder, trace } = await connectOpen(role, setup);
    peer.send(text("late"), close(4001));
    await macrotask();
    peer.end();
    await macrotask();
    expect(trace()).toMatchObject({ status: 101, replies: ["close 4001"] });
    expect(recorder.events).toEqual(["open", "close 4001 clean local"]);
  });

  it("H-143 close() in message → what was sent before it, then a close; nothing more delivered", async () => {
    const setup = {
      handlers: () => ({
        message: (ws: Connection) => {
          void ws.send("reply");
          void ws.close(4001);
        },
      }),
    };
    const { peer, recorder, trace } = await connectOpen(role, setup);
    peer.send(text("first"), text("second"), close(4001));
    await macrotask();
    peer.end();
    await macrotask();
    expect(trace().replies).toEqual(['text "reply"', "close 4001"]);
    expect(recorder.events).toEqual(["open", 'text "first"', "close 4001 clean local"]);
  });

  it.each(["open", "message", "error", "close"])(
    "H-143 terminate() twice in %s → one end",
    async (when) => {
      const twice = (ws: Connection): void => {
        ws.terminate();
        ws.terminate();
      };
      const { peer, recorder } = await connectOpen(role, { handlers: () => ({ [when]: twice }) });
      peer.send(text("a"), text("b"), text("c", { wrongMask: true }), text("late"));
      await macrotask();
      peer.end();
      await macrotask();
      expect(peer.isClosed).toBe(true);
      expectOneEnd(recorder.events);
      expect(recorder.events.filter((event) => event.startsWith("text")).length).toBe(
        { open: 0, message: 1, error: 2, close: 2 }[when],
      );
      expect(recorder.clock.running).toBe(0);
    },
  );

  it("H-143 terminate() while it closes → one end, no timer", async () => {
    const { peer, recorder, ws } = await connectOpen(role);
    void ws.close(1000);
    ws.terminate();
    ws.terminate();
    void ws.close(1000);
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.events).toEqual(["open", "close 1006 unclean local"]);
    expect(recorder.clock.running).toBe(0);
  });
});

describe.each(roles)("a %s: the end of a stream without a close frame", (role) => {
  it("H-144 FIN inside a message → 1006 once, and the message is dropped", async () => {
    const { peer, recorder, trace } = await connectOpen(role);
    peer.send(text("whole"), header(2, 100), hex("01 02 03 04"));
    peer.end();
    await macrotask();
    expect(recorder.events).toEqual([
      "open",
      'text "whole"',
      "error UNEXPECTED_END",
      "close 1006 unclean transport",
    ]);
    expect(trace().replies).toEqual([]);
    expect(recorder.clock.running).toBe(0);
  });

  it("H-144 a reset → 1006 once, with its cause, and pending sends reject", async () => {
    const { peer, recorder, ours, ws } = await connectOpen(
      role,
      { options: { highWaterMark: 1 } },
      1,
    );
    peer.transport.pause();
    const cause = new Error("ECONNRESET");
    await ws.send("taken by the network");
    const sending = [ws.send("waits"), ws.send("waits, too")];
    peer.send(binary("part", { fin: false }));
    await macrotask();
    ours.reset(cause);
    const outcomes = await Promise.allSettled(sending);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    for (const send of sending) await expect(send).rejects.toThrow(ClosedError);
    await macrotask();
    expect(recorder.events).toEqual(["open", "error RESET", "close 1006 unclean transport"]);
    const { error } = await ws.closed;
    expect(error).toMatchObject({ name: "TransportError", code: "RESET", cause });
    expect(recorder.clock.running).toBe(0);
  });
});
