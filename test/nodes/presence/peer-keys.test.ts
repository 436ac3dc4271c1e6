import { beforeEach, describe, expect, it } from "vitest";
import type { KeysMessage } from "../../../src/nodes/presence/keys-message.ts";
import { PeerKeys } from "../../../src/nodes/presence/peer-keys.ts";

const entry = { connections: 1, stamp: 0, state: undefined };

function all(at: number, keys: string[], part = 0, isLast = true): KeysMessage {
  return { topic: "t", at, part, isLast, keys: keys.map((key) => [key, entry]), gone: [] };
}

function change(at: number, keys: string[], gone: string[] = []): KeysMessage {
  const message = all(at, keys);
  return { ...message, part: undefined, gone };
}

describe("PeerKeys", () => {
  let lines: string[] = [];
  let dropped = 0;
  let peer: PeerKeys;

  beforeEach(() => {
    lines = [];
    dropped = 0;
    peer = new PeerKeys({
      maxKeys: 3,
      set: (key) => void lines.push(`+${key}`),
      remove: (key) => void lines.push(`-${key}`),
      dropped: () => void dropped++,
    });
  });

  it("accepts all keys, and then changes one after the other", () => {
    expect(peer.take(all(4, ["ann", "bob"]))).toBe(false);
    expect(peer.take(change(5, ["eve"], ["ann"]))).toBe(false);
    expect([peer.at, lines.join(" ")]).toEqual([5, "+ann +bob -ann +eve"]);
  });

  it("ignores what has come before", () => {
    peer.take(all(4, ["ann"]));
    peer.take(change(5, ["bob"], ["nobody"]));
    expect(
      [change(5, ["x"]), change(3, ["x"]), all(5, ["x"]), all(3, ["x"])].map((one) =>
        peer.take(one),
      ),
    ).toEqual([false, false, false, false]);
    expect(lines).toEqual(["+ann", "+bob"]);
  });

  it("asks once if something is missing, and applies what came meanwhile after all keys", () => {
    peer.take(all(4, ["ann"]));
    expect(peer.take(change(6, ["bob"]))).toBe(true);
    expect(peer.take(change(7, [], ["ann"]))).toBe(false);
    expect([peer.isAsked, lines.join(" ")]).toEqual([true, "+ann"]);
    lines.length = 0;
    expect(peer.take(all(6, ["ann", "bob"]))).toBe(false);
    expect([peer.isAsked, peer.at, lines.join(" ")]).toEqual([false, 7, "+ann +bob -ann"]);
  });

  it("asks if a change comes first, and again if something is missing after all keys", () => {
    expect(peer.take(change(9, ["ann"]))).toBe(true);
    expect(peer.take(all(7, []))).toBe(true);
    expect(peer.take(all(9, ["ann"]))).toBe(false);
    expect([peer.at, peer.isAsked, lines.join(" ")]).toEqual([9, false, "+ann"]);
  });

  it("asks if a mark is ahead, or comes first", () => {
    expect(peer.mark(0)).toBe(true);
    expect(peer.mark(0)).toBe(false);
    peer.take(all(2, ["ann"]));
    expect([peer.mark(2), peer.mark(1), peer.mark(3), peer.mark(4)]).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  it("accepts parts in their order, and asks again if one is missing", () => {
    expect(peer.take(all(4, ["ann"], 0, false))).toBe(false);
    expect(lines).toEqual([]);
    expect(peer.take(all(4, ["bob"], 1, true))).toBe(false);
    expect(lines).toEqual(["+ann", "+bob"]);
    expect(peer.take(all(6, ["ann"], 0, false))).toBe(false);
    expect(peer.take(all(6, ["eve"], 2, true))).toBe(true);
    expect(peer.take(all(6, ["eve"], 1, true))).toBe(false);
    expect([peer.at, lines.length]).toEqual([4, 2]);
  });

  it("does not mix parts of two changes", () => {
    peer.take(all(4, ["ann"], 0, false));
    expect(peer.take(all(5, ["bob"], 1, true))).toBe(true);
    peer.take(all(5, ["eve"], 0, false));
    peer.take(all(5, ["bob"], 1, true));
    expect(lines).toEqual(["+eve", "+bob"]);
  });

  it("replaces the known keys, and removes those that are missing", () => {
    peer.take(all(4, ["ann", "bob"]));
    lines.length = 0;
    peer.take(all(8, ["bob", "eve"]));
    expect(lines).toEqual(["-ann", "+bob", "+eve"]);
    lines.length = 0;
    peer.clear();
    expect(lines).toEqual(["-bob", "-eve"]);
  });

  it("keeps a limited number of changes while it waits, and asks for the rest", () => {
    peer.take(all(1, []));
    for (let at = 3; at < 400; at++) peer.take(change(at, [`k${at % 2}`]));
    expect(peer.take(all(2, []))).toBe(false);
    expect([peer.at, peer.isAsked]).toEqual([258, false]);
    expect(peer.mark(399)).toBe(true);
  });

  it("limits incomplete lists, however many parts there are", () => {
    for (let part = 0; part < 999; part++) peer.take(all(4, [`k${part}`], part, false));
    expect([lines, dropped]).toEqual([[], 996]);
    peer.take(all(4, ["k0", "last"], 999));
    expect([lines, dropped]).toEqual([["+k0", "+k1", "+k2"], 997]);
  });

  it("leaves out keys beyond the most that one node may have", () => {
    peer.take(all(1, ["a", "b", "c", "d"]));
    peer.take(change(2, ["a", "e"], []));
    expect([lines.join(" "), dropped]).toEqual(["+a +b +c +a", 2]);
  });
});
