import { describe, expect, it } from "vitest";
import { Beginning, mostToGoThrough } from "../../../adapters/zlib/beginning.ts";
import { History } from "../../../src/flate/history.ts";
import { counted } from "../../support/frames.ts";

/** What is kept of the payload. */
function payloadOf({ payload }: Beginning): Uint8Array {
  return payload.bytes.slice(0, payload.size);
}

describe("Beginning", () => {
  it("keeps a copy of the payload, also at rest, in an array no larger than it", () => {
    const beginning = new Beginning();
    const bytes = counted(30);
    beginning.add(bytes, 0, 20);
    beginning.rest();
    beginning.add(bytes, 20, 30);
    bytes.fill(0);
    expect(payloadOf(beginning)).toEqual(counted(30));
    beginning.addMade(bytes, 0, 1);
    beginning.rest();
    expect(beginning.payload.bytes.length).toBe(30);
    expect(payloadOf(beginning)).toEqual(counted(30));
  });

  it("brings a window up to date with the payload so far, and begins anew", () => {
    const beginning = new Beginning();
    const window = new History(8);
    window.add(counted(5), 0, 5);
    beginning.add(counted(3), 0, 3);
    beginning.addMade(counted(20), 10, 14);
    beginning.moveTo(window);
    expect([...window.bytes()]).toEqual([...counted(5).subarray(1), ...counted(14).subarray(10)]);
    expect(beginning.payload.size).toBe(0);
    beginning.moveTo(window);
    expect(window.bytes().subarray(4)).toEqual(counted(14).subarray(10));
  });

  it("forgets at rest the output of the payload, which comes again", () => {
    const beginning = new Beginning();
    const window = new History(8);
    beginning.add(counted(3), 0, 3);
    beginning.addMade(counted(5), 0, 5);
    beginning.rest();
    beginning.addMade(counted(5), 0, 5);
    beginning.moveTo(window);
    expect(window.bytes()).toEqual(counted(5));
  });

  it("lends its buffers to the next one, and never to two at a time", () => {
    const [first, second] = [new Beginning(), new Beginning()];
    first.add(Uint8Array.of(1), 0, 1);
    second.add(Uint8Array.of(2), 0, 1);
    second.rest();
    const third = new Beginning();
    third.add(Uint8Array.of(3), 0, 1);
    first.free();
    const fourth = new Beginning();
    fourth.add(Uint8Array.of(4, 4), 0, 2);
    second.add(Uint8Array.of(2), 0, 1);
    expect([second, third, fourth].map((one) => [...payloadOf(one)])).toEqual([
      [2, 2],
      [3],
      [4, 4],
    ]);
    for (const one of [second, third, fourth]) one.free();
    const buffers = Array.from({ length: 40 }, () => new Beginning().payload.bytes.buffer);
    expect(new Set(buffers.filter(({ byteLength }) => byteLength > 0)).size).toBe(
      buffers.filter(({ byteLength }) => byteLength > 0).length,
    );
  });

  it("does not keep a large buffer for the next one", () => {
    const beginnings = Array.from({ length: 20 }, () => new Beginning());
    for (const one of beginnings) {
      one.addMade(new Uint8Array(100_000), 0, 100_000);
      one.add(new Uint8Array(100), 0, 100);
      one.free();
    }
    for (let count = 0; count < 20; count++) {
      expect(new Beginning().payload.bytes.length).toBeLessThanOrEqual(64 * 1024);
    }
  });

  it("is too much from 8 KiB of payload on, or from eight times that of its output", () => {
    const bytes = new Uint8Array(8 * mostToGoThrough + 8);
    const beginnings = [0, 1].map(() => new Beginning());
    beginnings[0]!.add(bytes, 0, mostToGoThrough);
    beginnings[1]!.addMade(bytes, 0, 8 * mostToGoThrough);
    expect(beginnings.map(({ isTooMuch }) => isTooMuch)).toEqual([false, false]);
    beginnings[0]!.addMade(bytes, 0, 8);
    beginnings[1]!.add(bytes, 0, 1);
    expect(beginnings.map(({ isTooMuch }) => isTooMuch)).toEqual([true, true]);
  });

  it("is too much once it was gone through so often that the sum is as large", () => {
    const beginning = new Beginning();
    beginning.add(counted(100), 0, 100);
    let times = 0;
    for (; !beginning.isTooMuch; times++) {
      beginning.rest();
      beginning.goThroughAgain();
    }
    expect(times).toBe(Math.floor(mostToGoThrough / 100));
  });
});
