import { describe, expect, it } from "vitest";
import { fieldsOf, inPieces, keysOf, readKeys } from "../../../src/nodes/presence/keys-message.ts";

describe("fieldsOf(), keysOf()", () => {
  it("give back an entry, with its state or without", () => {
    const entries = [
      ["ann", { connections: 2, stamp: 7, state: { mood: null } }],
      ["bob", { connections: 1, stamp: 0, state: undefined }],
      ["eve", { connections: 1, stamp: 1, state: null }],
    ] as const;
    const fields = entries.map(([key, entry]) => fieldsOf(key, entry));
    expect(fields.map(({ length }) => length)).toEqual([4, 3, 4]);
    expect(keysOf(JSON.parse(JSON.stringify(fields)))).toEqual(entries);
  });

  it("refuse invalid entries, such as a stamp after which no other can come", () => {
    const bad = [
      undefined,
      {},
      [1],
      [["ann"]],
      [[1, 1, 1]],
      [["ann", 0, 1]],
      [["ann", -1, 1]],
      [["ann", 1, 1.5]],
      [["ann", 1, 2 ** 52 + 1]],
      [["ann", 1, "1"]],
      [["ann", 1, 1], null],
    ];
    expect(bad.map(keysOf)).toEqual(bad.map(() => undefined));
  });
});

describe("keysOf()", () => {
  it("refuses keys and states that no node says: too long, or nested too deep", () => {
    const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as unknown;
    const bad = [
      [["", 1, 1]],
      [["k".repeat(257), 1, 1]],
      [["ann", 1, 1, "x".repeat(1023)]],
      [["ann", 1, 1, deep]],
    ];
    expect(bad.map(keysOf)).toEqual(bad.map(() => undefined));
    expect(keysOf([["k".repeat(256), 1, 1, "x".repeat(1022)]])?.length).toBe(1);
  });
});

describe("inPieces()", () => {
  it("cuts a list where a message would be too long, and gives one piece at least", () => {
    expect(inPieces([])).toEqual([[]]);
    expect(inPieces(["aa", "bb", "cc"], 10)).toEqual([["aa", "bb"], ["cc"]]);
    expect(inPieces(["x".repeat(50), "a"], 10).map(({ length }) => length)).toEqual([1, 1]);
    const pieces = inPieces(Array.from({ length: 20_000 }, (_, at) => `key ${at}`));
    expect(pieces.flat().length).toBe(20_000);
    for (const piece of pieces) expect(JSON.stringify(piece).length).toBeLessThanOrEqual(32_770);
  });
});

describe("readKeys()", () => {
  it("reads changes, and parts of all keys", () => {
    expect(readKeys({ topic: "t", at: 3, keys: [["ann", 1, 0]], gone: ["bob"] })).toEqual({
      topic: "t",
      at: 3,
      part: undefined,
      isLast: true,
      keys: [["ann", { connections: 1, stamp: 0, state: undefined }]],
      gone: ["bob"],
    });
    const part = readKeys({ topic: "t", at: 3, full: true, part: 1, last: false, keys: [] });
    expect(part).toMatchObject({ part: 1, isLast: false, gone: [] });
  });

  it("refuses invalid messages", () => {
    const good = { topic: "t", at: 1, keys: [] };
    const bad = [{ topic: 1 }, { at: -1 }, { part: "0" }, { keys: 1 }, { gone: {} }, { gone: [1] }];
    for (const field of bad) expect(readKeys({ ...good, ...field })).toBeUndefined();
    expect(readKeys(good)).toBeDefined();
  });
});
