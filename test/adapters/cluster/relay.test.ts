import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { clusterBackplane, clusterRelay } from "../../../adapters/cluster/index.ts";
import type { ClusterRelay } from "../../../adapters/cluster/index.ts";
import type { BackplaneMembership } from "../../../src/connection/backplane/backplane.ts";
import { newMember, type TestMember } from "../../support/backplane-member.ts";
import { type ChannelEnd, channelPair } from "../../support/channel-pair.ts";

/** Between real processes: test/runtime/cluster.test.ts. */

interface Child {
  readonly parent: ChannelEnd;
  readonly channel: ChannelEnd;
  readonly member: TestMember;
  readonly membership: BackplaneMembership;
}

async function newChild(relay: ClusterRelay, ...kind: ["json"?]): Promise<Child> {
  const [parent, channel] = channelPair(...kind);
  relay.add(parent);
  const member = newMember();
  const membership = await clusterBackplane({ channel }).join(member);
  return { parent, channel, member, membership };
}

const kinds = ({ parent }: Child): unknown[] => parent.sent.map(({ framewire }) => framewire);

describe("clusterRelay()", () => {
  it.each<[object, string]>([
    [{ maxWaiting: "1" }, 'maxWaiting must be a number: "1" is a string; write 1'],
    [{ maxwaiting: 1 }, "Unknown option maxwaiting: did you mean maxWaiting?"],
  ])("refuses wrong options: %o", (options, message) => {
    expect(() => clusterRelay(undefined, options)).toThrow(new TypeError(message));
  });

  it("refuses a limit below 0", () => {
    expect(() => clusterRelay(undefined, { maxWaiting: -1 })).toThrow(RangeError);
  });

  it("passes a publication on to the children that have subscribed, and to no others", async () => {
    const relay = clusterRelay();
    const [a, b, c] = await Promise.all([newChild(relay), newChild(relay), newChild(relay)]);
    await a.membership.subscribe("tea");
    await b.membership.subscribe("tea");
    await c.membership.subscribe("milk");
    await a.membership.publish("tea", Uint8Array.of(1, 2));
    expect([a, b, c].map(({ member }) => member.lines)).toEqual([[], ["tea: 1 2"], []]);
    expect(kinds(c)).toEqual(["joined", "done"]);
    await b.membership.unsubscribe("tea");
    await a.membership.publish("tea", Uint8Array.of(3));
    expect(b.member.lines).toEqual(["tea: 1 2"]);
  });

  it("gives bytes to channels that carry them, and text to others", async () => {
    const relay = clusterRelay();
    const [a, b, c] = await Promise.all([
      newChild(relay),
      newChild(relay, "json"),
      newChild(relay, "json"),
    ]);
    for (const { membership } of [a, b, c]) await membership.subscribe("tea");
    await a.membership.publish("tea", Uint8Array.of(0, 255));
    await c.membership.publish("tea", Uint8Array.of(1));
    expect([a, b, c].map(({ member }) => member.lines)).toEqual([
      ["tea: 1"],
      ["tea: 0 255", "tea: 1"],
      ["tea: 0 255"],
    ]);
  });

  it("answers the letters of one turn together", async () => {
    const a = await newChild(clusterRelay());
    await Promise.all(["tea", "milk", "jam"].map((topic) => a.membership.subscribe(topic)));
    expect(kinds(a)).toEqual(["joined", "done"]);
  });

  it.each(["disconnect", "exit"])("forgets a child that emits `%s`", async (event) => {
    const relay = clusterRelay();
    const [a, b] = await Promise.all([newChild(relay), newChild(relay)]);
    await b.membership.subscribe("tea");
    b.parent.emit(event);
    const before = kinds(b);
    await a.membership.publish("tea", Uint8Array.of(1));
    expect(kinds(b)).toEqual(before);
    expect(b.parent.eventNames()).toEqual([]);
  });

  it("forgets a server that has left, and not its neighbours in the same child", async () => {
    const relay = clusterRelay();
    const [a, b] = await Promise.all([newChild(relay), newChild(relay)]);
    const neighbour = newMember();
    const other = await clusterBackplane({ channel: b.channel }).join(neighbour);
    await b.membership.subscribe("tea");
    await other.subscribe("tea");
    await b.membership.leave(new AbortController().signal);
    await a.membership.publish("tea", Uint8Array.of(1));
    expect([b.member.lines, neighbour.lines]).toEqual([[], ["tea: 1"]]);
  });

  it("takes a child once, however often it is added", async () => {
    const relay = clusterRelay();
    const [parent, channel] = channelPair();
    relay.add(parent);
    relay.add(parent);
    await clusterBackplane({ channel }).join(newMember());
    expect(parent.sent.map(({ framewire }) => framewire)).toEqual(["joined"]);
  });

  it("ignores messages that are no letters, and letters of unknown servers", async () => {
    const relay = clusterRelay();
    const a = await newChild(relay);
    for (const message of [null, "hello", { framewire: "subscribe", node: "x", topic: "tea" }]) {
      a.parent.emit("message", message);
    }
    await a.membership.publish("tea", Uint8Array.of(1));
    expect(kinds(a)).toEqual(["joined", "done"]);
  });

  it("takes in the workers of node:cluster, present ones and later ones", async () => {
    const [one, other] = [channelPair(), channelPair()];
    const primary = Object.assign(new EventEmitter(), { workers: { 1: one[0], 2: undefined } });
    clusterRelay(primary);
    primary.emit("fork", other[0]);
    const members = [newMember(), newMember()];
    const [a, b] = await Promise.all(
      [one, other].map(([, channel], at) => clusterBackplane({ channel }).join(members[at]!)),
    );
    await a!.subscribe("tea");
    await b!.publish("tea", Uint8Array.of(1));
    expect(members[0]!.lines).toEqual(["tea: 1"]);
  });

  it("drops what does not fit, and names the topics when there is room again", async () => {
    const relay = clusterRelay(undefined, { maxWaiting: 300 });
    const [a, b] = await Promise.all([newChild(relay), newChild(relay)]);
    await b.membership.subscribe("tea");
    await b.membership.subscribe("milk");
    const late: (() => void)[] = [];
    const { send } = b.parent;
    // A child that reads nothing: what is sent to it is not written.
    b.parent.send = (message, done) => {
      late.push(() => send.call(b.parent, message, done));
      return false;
    };
    for (let at = 0; at < 3; at++) await a.membership.publish("tea", new Uint8Array(50));
    await a.membership.publish("milk", new Uint8Array(50));
    expect(late.length).toBe(2);
    b.parent.send = send;
    for (const write of late) write();
    await a.membership.publish("milk", Uint8Array.of(1));
    expect(b.member.lines.slice(2).sort()).toEqual(["gap of tea,milk", "milk: 1"]);
  });
});
