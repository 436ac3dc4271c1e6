import { describe, expect, it } from "vitest";
import { Arrivals } from "../../../adapters/postgres/arrivals.ts";
import { type Deferred, newDeferred } from "../../../src/deferred.ts";
import { BackplaneError } from "../../../src/errors.ts";
import { newMember } from "../../support/backplane-member.ts";
import { answerOf } from "../../support/fake-postgres.ts";
import { macrotask } from "../../support/turns.ts";

function newArrivals() {
  const member = newMember();
  const reads: Deferred<Uint8Array | undefined>[] = [];
  const arrivals = new Arrivals(member, {
    isId: (text) => /^\d/.test(text),
    isOwn: (id) => id.startsWith("0"),
    read() {
      const deferred = newDeferred<Uint8Array | undefined>();
      reads.push(deferred);
      return deferred.promise;
    },
  });
  return { member, reads, arrivals };
}

const of = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe("Arrivals", () => {
  it("keeps the order of all while rows are read", async () => {
    const { member, reads, arrivals } = newArrivals();
    for (const payload of ["eAQ==", "r1", "eAw==", "r2", "r3", "eBg=="]) {
      arrivals.take("tea", payload);
    }
    arrivals.take("milk", "eBw==");
    for (const [at, byte] of [2, 4, 5].entries()) {
      await expect.poll(() => reads.length).toBe(at + 1);
      reads[at]!.resolve(of(byte));
    }
    const lines = [1, 2, 3, 4, 5, 6].map((byte) => `tea: ${byte}`);
    await expect.poll(() => member.lines).toEqual([...lines, "milk: 7"]);
  });

  it("reports a gap in the place of a row that is gone, or cannot be read", async () => {
    const { member, reads, arrivals } = newArrivals();
    for (const payload of ["r1", "eAQ==", "r2", "eAg=="]) arrivals.take("tea", payload);
    reads[0]!.resolve(undefined);
    await expect.poll(() => reads.length).toBe(2);
    reads[1]!.reject(answerOf("42501"));
    await expect.poll(() => member.lines).toEqual(["gap of tea", "tea: 1", "gap of tea", "tea: 2"]);
  });

  it("reads none of the rows that this server has kept", () => {
    const { member, reads, arrivals } = newArrivals();
    arrivals.take("tea", "r0");
    arrivals.take("tea", "eAQ==");
    expect([reads.length, member.lines]).toEqual([0, ["tea: 1"]]);
  });

  it("gives a notification that is not framewire's as it is, for the server to count", () => {
    const { member, arrivals } = newArrivals();
    for (const payload of ["", "A", "rA"]) arrivals.take("tea", payload);
    expect(member.lines).toEqual(["tea: ", "tea: 65", "tea: 114 65"]);
  });

  it("bounds what waits, and names the topics of which it has lost something, after what it has not lost", async () => {
    const { member, reads, arrivals } = newArrivals();
    let delivered = 0;
    member.deliver = () => void delivered++;
    arrivals.take("tea", "r1");
    const payload = `e${"A".repeat(7996)}`;
    for (let at = 0; at < 3000; at++) arrivals.take("tea", payload);
    for (let at = 0; at < 2; at++) arrivals.take("milk", payload);
    reads[0]!.resolve(of(1));
    await expect.poll(() => member.lines).toEqual(["gap of tea,milk"]);
    expect(delivered).toBe(1 + Math.floor(16_777_216 / (7997 + 64)));
    const before = delivered;
    // With room again, all is as before.
    arrivals.take("tea", "r2");
    arrivals.take("tea", payload);
    reads[1]!.resolve(of(2));
    await macrotask();
    expect([delivered - before, member.lines.length]).toEqual([2, 1]);
  });

  it("delivers nothing and reports no gap once it is stopped", async () => {
    const { member, reads, arrivals } = newArrivals();
    arrivals.take("tea", "r1");
    arrivals.take("tea", "eAQ==");
    arrivals.stop();
    reads[0]!.resolve(of(1));
    arrivals.take("tea", "eAQ==");
    await macrotask();
    const lost = newArrivals();
    lost.arrivals.take("tea", "r1");
    lost.arrivals.take("tea", "eAQ==");
    lost.reads[0]!.reject(new BackplaneError("DOWN"));
    await macrotask();
    expect([member.lines, lost.member.lines]).toEqual([[], []]);
  });
});
