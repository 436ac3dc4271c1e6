import { describe, expect, it } from "vitest";
import { encodeUtf8, latin1 } from "../../../src/bytes.ts";
import type {
  Backplane,
  BackplaneMembership,
} from "../../../src/connection/backplane/backplane.ts";
import type { HistoryPage, Position } from "../../../src/connection/backplane/history.ts";
import { localBackplane } from "../../../src/connection/backplane/local.ts";

/** A member that writes down what it is given. */
function joinTo(backplane: Backplane, lines: string[], name: string): BackplaneMembership {
  return backplane.join({
    id: name,
    topics: () => [],
    subscribers: () => 0,
    deliver(topic, envelope, position, previous) {
      const place = position === undefined ? "" : ` at ${position.offset} behind ${previous}`;
      lines.push(`${name} ${topic} ${latin1(envelope, 0, envelope.length)}${place}`);
    },
    state() {},
    gap() {},
  }) as BackplaneMembership;
}

describe("localBackplane()", () => {
  it("gives a publication to all other members that have subscribed, at once and in order", () => {
    const backplane = localBackplane();
    const lines: string[] = [];
    const members = ["a", "b", "c", "d"].map((name) => joinTo(backplane, lines, name));
    for (const { subscribe } of members.slice(0, 3)) void subscribe("t");
    void members[3]!.subscribe("other");
    for (const text of ["1", "2"]) void members[0]!.publish("t", encodeUtf8(text));
    expect(lines).toEqual(["b t 1", "c t 1", "b t 2", "c t 2"]);
  });

  it("gives nothing to a member that has unsubscribed, or has left", () => {
    const backplane = localBackplane();
    const lines: string[] = [];
    const [a, b, c] = ["a", "b", "c"].map((name) => joinTo(backplane, lines, name));
    for (const { subscribe } of [b!, c!]) for (const topic of ["t", "u"]) void subscribe(topic);
    void b!.unsubscribe("t");
    void b!.unsubscribe("t");
    void b!.unsubscribe("never");
    void c!.leave(new AbortController().signal);
    void a!.publish("t", encodeUtf8("1"));
    void a!.publish("u", encodeUtf8("2"));
    expect(lines).toEqual(["b u 2"]);
  });

  it("keeps publications, gives them to the publisher, too, and tells their positions", () => {
    const backplane = localBackplane({ history: 2, keeps: (topic) => topic === "t" });
    const lines: string[] = [];
    const [a, b] = ["a", "b"].map((name) => joinTo(backplane, lines, name));
    for (const { subscribe } of [a!, b!]) for (const topic of ["t", "u"]) void subscribe(topic);
    const positions = ["1", "2", "3"].map((text) => a!.publish("t", encodeUtf8(text)) as Position);
    expect(positions.map(({ offset }) => offset)).toEqual(["1", "2", "3"]);
    expect(lines).toEqual([
      ...["a t 1 at 1 behind 0", "b t 1 at 1 behind 0"],
      ...["a t 2 at 2 behind 1", "b t 2 at 2 behind 1"],
      ...["a t 3 at 3 behind 2", "b t 3 at 3 behind 2"],
    ]);
    expect(b!.history!("t", positions[0])).toMatchObject({
      complete: true,
      entries: positions.slice(1).map((position) => ({ position })),
    });
    lines.length = 0;
    expect(a!.publish("u", encodeUtf8("4"))).toBeUndefined();
    expect(lines).toEqual(["b u 4"]);
    expect([backplane.keeps!("t"), backplane.keeps!("u")]).toEqual([true, false]);
  });

  it("has no history unless it is asked for", () => {
    const backplane = localBackplane();
    expect([backplane.histories, backplane.keeps!("t")]).toEqual([undefined, false]);
  });

  it("keeps at most as many bytes as the limit allows, and any number without a limit", () => {
    const kept = (historyBytes?: number): number => {
      const member = joinTo(localBackplane({ history: 3, historyBytes }), [], "a");
      for (let at = 0; at < 3; at++) void member.publish("t", new Uint8Array(600_000));
      return (member.history!("t", { epoch: "", offset: "0" }) as HistoryPage).entries.length;
    };
    expect([kept(), kept(0), kept(1_200_000)]).toEqual([1, 3, 2]);
  });

  it("forgets topics that were not used for long, and tells their old positions from new ones", () => {
    const backplane = localBackplane({ history: 10, historyTopics: 2 });
    const member = joinTo(backplane, [], "a");
    const first = member.publish("t", encodeUtf8("1")) as Position;
    for (let at = 0; at < 4; at++) void member.publish(`other ${at}`, encodeUtf8("x"));
    const again = member.publish("t", encodeUtf8("2")) as Position;
    expect([again.offset, again.epoch === first.epoch]).toEqual(["1", false]);
    expect(member.history!("t", first)).toMatchObject({ complete: false, entries: [{}] });
  });

  it.each([
    [{ history: "5" }, TypeError],
    [{ historic: 5 }, TypeError],
    [{ keeps: true }, TypeError],
    [{ history: -1 }, RangeError],
    [{ historyBytes: -1 }, RangeError],
    [{ historyTopics: Number.NaN }, RangeError],
  ])("refuses %j", (options, error) => {
    expect(() => localBackplane(options as object)).toThrow(error);
  });
});
