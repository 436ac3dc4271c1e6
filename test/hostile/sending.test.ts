import { afterEach, describe, expect, it, vi } from "vitest";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import { macrotask } from "../support/turns.ts";
import { connectOpen, expectNoRejections, type Peer } from "./play.ts";
import { header, part, ping, roles, show, text } from "./support.ts";
import { expectOneEnd } from "./trace.ts";

/** Rows of the battery about what framewire sends, and about peers of which nothing comes any more. */

afterEach(expectNoRejections);

/** Keys of the masked frames that a peer has got behind the request, all of which have short payloads. */
function keysIn({ output }: Peer): number[] {
  const text = String.fromCharCode(...output.subarray(0, 1000));
  const keys: number[] = [];
  const view = new DataView(output.buffer, output.byteOffset, output.length);
  for (let at = text.indexOf("\r\n\r\n") + 4; at < output.length;) {
    const second = output[at + 1]!;
    expect(second).toBeGreaterThan(0x80);
    keys.push(view.getUint32(at + 2));
    at += 6 + (second & 0x7f);
  }
  return keys;
}

describe("a client: masking keys", () => {
  it("E-98 of 10 000 frames → as good as all different, each bit set in half of them, no pattern", async () => {
    const { peer, ws } = await connectOpen("client");
    for (let i = 0; i < 10_000; i++) void ws.send("a");
    await macrotask();
    const keys = keysIn(peer);
    expect(keys).toHaveLength(10_000);
    // By chance there are 0.01 pairs of equal ones.
    expect(new Set(keys).size).toBeGreaterThan(9_997);
    const differences = keys.slice(1).map((key, i) => (key - keys[i]!) | 0);
    expect(new Set(differences).size).toBeGreaterThan(9_990);
    for (let bit = 0; bit < 32; bit++) {
      const count = keys.filter((key) => ((key >>> bit) & 1) === 1).length;
      // Ten standard deviations.
      expect(Math.abs(count - 5000)).toBeLessThan(500);
    }
    peer.end();
    await macrotask();
  });

  it("E-98 come from crypto.getRandomValues, and each is used once", async () => {
    let drawn = 0;
    const spy = vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
      (array as unknown as Int32Array).forEach((_, i, all) => (all[i] = ++drawn));
      return array;
    });
    try {
      const { peer, ws } = await connectOpen("client");
      // What is left of the keys that were drawn before.
      for (let i = 0; i < 1024; i++) void ws.send("a");
      await macrotask();
      const before = keysIn(peer).length;
      for (let i = 0; i < 3000; i++) void ws.send("a");
      await macrotask();
      const keys = keysIn(peer).slice(before);
      expect(new Set(keys).size).toBe(3000);
      // As they were drawn, in whichever order their bytes lie.
      const swapped = keys.map((key) => new DataView(Uint32Array.of(key).buffer).getUint32(0));
      const most = Math.min(Math.max(...keys), Math.max(...swapped));
      expect(most).toBeLessThanOrEqual(drawn);
      peer.end();
      await macrotask();
    } finally {
      spy.mockRestore();
    }
  });
});

describe.each(roles)("a %s: a message that does not end, and silence behind it", (role) => {
  const beginnings = {
    "a part of a header": part(header(2, 70_000), 3),
    "a part of a payload": part(text("Hello"), -2),
    "a first fragment": text("Hello", { fin: false }),
  };
  const ways: [name: string, options: ConnectionOptions, ends: readonly string[]][] = [
    [
      "pings that are not answered",
      { pingInterval: 1000, pongTimeout: 1000 },
      ["error PONG_TIMEOUT", "close 1006 unclean local"],
    ],
    [
      "idleTimeout",
      { idleTimeout: 2000, closeTimeout: 1000 },
      ["error IDLE_TIMEOUT", "close 1006 unclean local"],
    ],
  ];
  const table = Object.entries(beginnings).flatMap(([what, piece]) =>
    ways.map(([how, options, ends]) => [what, how, piece, options, ends] as const),
  );

  it.each(table)("G-127 %s, %s → dropped in time", async (_what, _how, piece, options, ends) => {
    const { peer, recorder } = await connectOpen(role, { options });
    peer.send(piece);
    for (let time = 0; time < 3500; time += 100) {
      await macrotask();
      recorder.clock.advance(100);
    }
    await macrotask();
    expect(peer.isClosed).toBe(true);
    expect(recorder.events).toEqual(["open", ...ends]);
    expect(recorder.clock.running).toBe(0);
  });
});

describe.each(roles)("a %s: two writers at once", (role) => {
  it("K-167 fragments of one, messages of others, pings → whole messages in order, pings between frames", async () => {
    const { peer, recorder, ws } = await connectOpen(role);
    const first = ws.beginMessage();
    const second = ws.beginMessage();
    void first.write("a");
    void ws.send("between");
    void second.write("c");
    void ws.ping("p");
    void first.write("b");
    void ws.send("behind");
    void second.close();
    void first.close();
    peer.send(ping("q"));
    await macrotask();
    const { output } = peer;
    const shown = framesIn(output.slice(headSize(output)));
    const data = shown.filter((one) => !/^(ping|pong) /.test(one));
    expect(data.join("")).toMatch(/^text- a(continuation- b)(continuation\+ )?/);
    // Each message is complete before the next one begins, and none is lost.
    expect(messagesIn(data).sort()).toEqual(["ab", "behind", "between", "c"]);
    expect(shown.filter((one) => one.startsWith("ping"))).toEqual(["ping p"]);
    expect(shown.filter((one) => one.startsWith("pong"))).toEqual(["pong q"]);
    peer.end();
    await macrotask();
    expectOneEnd(recorder.events);
  });
});

function headSize(output: Uint8Array): number {
  return String.fromCharCode(...output.subarray(0, 1000)).indexOf("\r\n\r\n") + 4;
}

const names: Readonly<Record<number, string>> = {
  0: "continuation",
  1: "text",
  9: "ping",
  10: "pong",
};

/** Short frames, as "text- a" where it is not final and "text+ a" where it is; control frames without a sign. */
function framesIn(bytes: Uint8Array): string[] {
  const shown: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const [first, second] = bytes.subarray(at, at + 2) as unknown as [number, number];
    const isMasked = second > 0x7f;
    const start = at + (isMasked ? 6 : 2);
    const end = start + (second & 0x7f);
    const payload = bytes
      .slice(start, end)
      .map((byte, i) => (isMasked ? byte ^ bytes[at + 2 + (i & 3)]! : byte));
    const opcode = first & 15;
    const sign = opcode > 7 ? "" : first > 0x7f ? "+" : "-";
    shown.push(`${names[opcode]}${sign} ${String.fromCharCode(...payload)}`);
    at = end;
  }
  return shown;
}

/** Messages of data frames; a new one inside another throws. */
function messagesIn(frames: readonly string[]): string[] {
  const messages: string[] = [];
  let open: string | undefined;
  for (const frame of frames) {
    const [, name, sign, payload] = /^(text|continuation)([+-]) (.*)$/.exec(frame)!;
    if ((name === "text") !== (open === undefined)) throw new Error(`Out of order: ${frame}`);
    open = (open ?? "") + payload!;
    if (sign === "-") continue;
    messages.push(open);
    open = undefined;
  }
  return messages;
}

describe.each(roles)("a %s: bytes that change behind send()", (role) => {
  it.each([5, 200, 70_000])(
    "K-168 %d bytes → sent as they were, and left as they are",
    async (size) => {
      const { peer, recorder, ws, trace } = await connectOpen(role, {}, 1);
      peer.transport.pause();
      void ws.send("takes all the room");
      const changed = new Uint8Array(size).fill(1);
      const kept = new Uint8Array(size).fill(2);
      const moved = new Uint8Array(size).fill(3);
      for (const bytes of [changed, kept, moved]) void ws.send(bytes);
      changed.fill(9);
      structuredClone(moved.buffer, { transfer: [moved.buffer] });
      expect(moved.length).toBe(0);
      peer.transport.resume();
      await macrotask();
      const wanted = [1, 2, 3].map((value) => `binary ${show(new Uint8Array(size).fill(value))}`);
      expect(trace().replies.slice(1)).toEqual(wanted);
      // Masking is done on a copy.
      expect(kept.every((byte) => byte === 2)).toBe(true);
      peer.end();
      await macrotask();
      expectOneEnd(recorder.events);
    },
  );
});
