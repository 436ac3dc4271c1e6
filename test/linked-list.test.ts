import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Linked, LinkedList } from "../src/linked-list.ts";
import { leftOverEach } from "./support/left-over.ts";
import { runtime } from "./support/runtime.ts";

class Member implements Linked<Member> {
  previous: Member | undefined = undefined;
  next: Member | undefined = undefined;
  readonly ballast: number[];

  constructor(size = 0) {
    this.ballast = new Array<number>(size).fill(0);
  }
}

describe("a linked list", () => {
  it("keeps its members in the order in which they were added, as a Set does, whatever was taken out", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9)), (steps) => {
        const members = Array.from({ length: 10 }, () => new Member());
        const list = new LinkedList<Member>();
        const set = new Set<Member>();
        for (const step of steps) {
          const member = members[step]!;
          if (set.has(member)) {
            expect(list.delete(member)).toBe(set.delete(member));
          } else {
            list.add(member);
            set.add(member);
          }
          expect(list.size).toBe(set.size);
          expect([list.first, list.last]).toEqual([[...set][0], [...set].at(-1)]);
          expect([...list].map((each) => members.indexOf(each))).toEqual(
            [...set].map((each) => members.indexOf(each)),
          );
        }
      }),
    );
  });

  it("returns false for a member that is taken out twice, or was never added", () => {
    const list = new LinkedList<Member>();
    const [first, second, stranger] = [new Member(), new Member(), new Member()];
    list.add(first);
    list.add(second);
    expect([first, first, stranger, second, second].map((member) => list.delete(member))).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
    expect(list.size).toBe(0);
  });

  it("leaves no link from a removed member to the others", () => {
    const list = new LinkedList<Member>();
    const members = [new Member(), new Member(), new Member()];
    for (const member of members) list.add(member);
    list.delete(members[1]!);
    expect([members[1]!.previous, members[1]!.next]).toEqual([undefined, undefined]);
  });
});

/** Bytes of the heap that a member leaves which was in a list of which it has been taken out. */
function leftOver(list: { add(member: Member): unknown; delete(member: Member): unknown }): number {
  const members: Member[] = [];
  return leftOverEach((place) => {
    const old = members[place];
    if (old !== undefined) list.delete(old);
    list.add((members[place] = new Member(100)));
  });
}

// What V8 alone does, and Node alone lets a test ask it to do.
describe.runIf(runtime === "node")("a removed member", () => {
  it("is not kept until a full collection, as a Set would keep it", () => {
    expect(leftOver(new Set())).toBeGreaterThan(400);
    expect(leftOver(new LinkedList())).toBeLessThan(100);
  });
});
