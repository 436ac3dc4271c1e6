import { describe, expect, it } from "vitest";
import { encodeUtf8, latin1 } from "../../../src/bytes.ts";
import {
  type Backplane,
  type BackplaneMembership,
  localBackplane,
} from "../../../src/connection/backplane/backplane.ts";

/** A member that writes down what it is given. */
function joinTo(backplane: Backplane, lines: string[], name: string): BackplaneMembership {
  return backplane.join({
    id: name,
    topics: () => [],
    deliver(topic, envelope) {
      lines.push(`${name} ${topic} ${latin1(envelope, 0, envelope.length)}`);
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
});
