import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Backplane, BackplaneMembership } from "../../src/connection/backplane/backplane.ts";
import { newDeferred } from "../../src/deferred.ts";
import { encodeMessage } from "../../src/nodes/message.ts";
import { allTopic, topicOf } from "../../src/nodes/roster.ts";
import { newTestNode, TestNodes } from "../support/test-nodes.ts";
import { macrotask } from "../support/turns.ts";

const stranger = "ff".repeat(16);

describe("Roster", () => {
  let group: TestNodes;

  beforeEach(() => {
    group = new TestNodes();
    // A sign of life each 3 seconds, to the millisecond.
    vi.spyOn(Math, "random").mockReturnValue(0.5);
  });

  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("knows all others one round trip after it has joined, and they know it", async () => {
    const [a, b] = await group.three();
    expect(a.nodes.list().map(({ info }) => info)).toEqual(["a", "b", "c"]);
    expect(a.events).toEqual(["seeing", "joined b", "joined c"]);
    await group.pass(20_000);
    const d = group.add("d");
    await group.settle();
    expect(d.events).toEqual(["seeing", "joined a", "joined b", "joined c"]);
    expect(b.events).toEqual(["seeing", "joined a", "joined c", "joined d"]);
    expect(b.nodes.list().map(({ info, age }) => `${String(info)} ${age}`)).toEqual([
      ...["b 20000", "a 20000", "c 20000", "d 0"],
    ]);
    expect(b.nodes.list()[0]!.id).toBe(b.nodes.id);
  });

  it("says one small thing every few seconds, to all at once", async () => {
    const [a] = await group.three();
    group.broker.lines.length = 0;
    await group.pass(9000);
    expect(group.broker.lines.filter((line) => line.endsWith(allTopic)).length).toBe(9);
    expect(a.nodes.list()[1]!.silence).toBeLessThanOrEqual(100);
    expect(a.nodes.list()[0]!.silence).toBe(0);
  });

  it("tells who says that it leaves, at once, and does not take it back for what comes late", async () => {
    const [a, b] = await group.three();
    await group.pass(6000);
    b.leave();
    expect([b.nodes.state, b.nodes.list().length]).toEqual(["left", 1]);
    group.kill(b);
    await group.settle();
    expect(a.events.at(-1)).toBe("left b left");
    for (const age of [5, 6000]) {
      group.broker.send(allTopic, encodeMessage("here", b.nodes.id, { age, info: "b" }));
    }
    group.broker.send(allTopic, encodeMessage("message", b.nodes.id, { n: 1, text: true }));
    group.broker.send(allTopic, encodeMessage("bye", b.nodes.id, {}));
    expect(a.events.at(-1)).toBe("left b left");
  });

  it.each<[string, (age: number) => object]>([
    ["the node's age", (age) => ({ age })],
    ["no age", () => ({})],
    ["an age that is none", () => ({ age: -1 })],
  ])(
    "hides a node only until its next sign of life where a bye with %s is forged",
    async (_, headOf) => {
      const [a, b, c] = await group.three();
      await group.pass(500);
      const { age } = b.nodes.list()[0]!;
      const forged = encodeMessage("bye", b.nodes.id, headOf(age) as Record<string, unknown>);
      group.broker.send(allTopic, forged);
      expect([a.events.at(-1), c.events.at(-1)]).toEqual(["left b left", "left b left"]);
      await group.pass(3000);
      expect(a.events.slice(-2)).toEqual(["left b left", "joined b"]);
      expect(c.events.slice(-2)).toEqual(["left b left", "joined b"]);
      // It has not noticed anything itself.
      expect(b.events).toEqual(["seeing", "joined a", "joined c"]);
    },
  );

  it("hides a node no longer than the silence where a forged bye has a wrong age", async () => {
    const [a, b] = await group.three();
    group.broker.send(allTopic, encodeMessage("bye", b.nodes.id, { age: 2 ** 50 }));
    await group.pass(9500);
    expect(a.events.at(-1)).toBe("left b left");
    await group.pass(3000);
    expect(a.events.slice(-2)).toEqual(["left b left", "joined b"]);
  });

  it("objects at once to a bye in its own name, and once for each sign of life", async () => {
    const [a, b] = await group.three();
    await group.pass(500);
    group.broker.lines.length = 0;
    // The others hear it sooner than the node itself, which answers a little later.
    for (const { clock } of [b]) clock.advance(1);
    for (let count = 0; count < 3; count++) {
      group.broker.send(allTopic, encodeMessage("bye", b.nodes.id, { age: 500 }));
    }
    await group.settle();
    expect(group.broker.lines.filter((line) => line.endsWith(allTopic)).length).toBe(1);
    expect(a.events.slice(-2)).toEqual(["left b left", "joined b"]);
    b.leave();
    group.broker.lines.length = 0;
    group.broker.send(allTopic, encodeMessage("bye", b.nodes.id, {}));
    expect(group.broker.lines).toEqual([]);
  });

  it("believes nobody who says bye before it is known for longer than the silence", async () => {
    const [a] = await group.three();
    const here = encodeMessage("here", stranger, { age: 1 });
    group.broker.send(allTopic, encodeMessage("bye", stranger, {}));
    group.broker.send(allTopic, here);
    expect(a.nodes.list().length).toBe(3);
    await group.pass(10_500);
    group.broker.send(allTopic, here);
    expect(a.nodes.list().length).toBe(4);
  });

  it("does not take one in that says more of itself than a node may", async () => {
    const [a] = await group.three();
    for (const info of ["x".repeat(1023), "x".repeat(1022)]) {
      group.broker.send(allTopic, encodeMessage("here", stranger, { age: 1, info }));
    }
    expect(a.nodes.list().at(-1)!.info).toBe("x".repeat(1022));
    expect([a.nodes.list().length, a.nodes.counters.dropped]).toEqual([4, 1]);
  });

  it("sweeps one that dies after the silence, and not before", async () => {
    const [a, b, c] = await group.three();
    group.kill(b);
    await group.pass(9500);
    expect(a.events.at(-1)).toBe("joined c");
    await group.pass(4000);
    expect([a.events.at(-1), c.events.at(-1)]).toEqual(["left b silent", "left b silent"]);
  });

  it("takes one back that stood still and comes again, whose own list is as it was", async () => {
    const [a, b, c] = await group.three();
    await group.pass(20_000, [a, c]);
    expect(a.events.at(-1)).toBe("left b silent");
    b.clock.stall(20_000);
    await group.settle();
    await group.pass(12_000);
    expect(a.events.slice(-2)).toEqual(["left b silent", "joined b"]);
    expect(b.events).toEqual(["seeing", "joined a", "joined c"]);
  });

  it("is blind while its broker is away, sweeps nobody, and gives all their time when it is back", async () => {
    const [a, b, c] = await group.three();
    group.broker.cut(a.inner);
    await group.pass(60_000);
    expect(a.events).toEqual(["seeing", "joined b", "joined c", "blind"]);
    expect([a.nodes.state, a.nodes.list().length]).toEqual(["blind", 3]);
    expect(b.events.at(-1)).toBe("left a silent");
    group.kill(c);
    group.broker.mend(a.inner);
    await group.settle();
    expect([a.events.slice(3), b.events.at(-1)]).toEqual([["blind", "seeing"], "joined a"]);
    await group.pass(14_000);
    expect(a.events.at(-1)).toBe("left c silent");
  });

  it("agrees again when two halves that could not hear each other can", async () => {
    const [a, b] = await group.three();
    const isFirst = (id: string): boolean => id === a.nodes.id;
    group.broker.loses = () => true;
    await group.pass(20_000);
    expect(a.events.slice(3).sort()).toEqual(["left b silent", "left c silent"]);
    group.broker.loses = (_, to) => isFirst(to);
    await group.pass(6000);
    expect(b.events.slice(5).sort()).toEqual(["joined a", "joined c"]);
    group.broker.loses = () => false;
    await group.pass(6000);
    expect(a.events.slice(5).sort()).toEqual(["joined b", "joined c"]);
  });

  it("is blind where its sign of life was given up before the next, and sweeps nobody", async () => {
    const gate = newDeferred<undefined>();
    let isOpen = true;
    const { broker } = group;
    const paused: Backplane = {
      join(member) {
        const membership = broker.join(member);
        const publish: BackplaneMembership["publish"] = (topic, bytes) =>
          isOpen ? membership.publish(topic, bytes) : gate.promise;
        return { ...membership, publish };
      },
    };
    const nodes = [broker, paused].map((each, at) =>
      newTestNode(each, `${at}`, { heartbeat: 60_000 }),
    );
    const other = nodes[1]!;
    await group.settle();
    isOpen = false;
    broker.loses = () => true;
    await group.pass(400_000, nodes);
    expect(other.events).toEqual(["seeing", "joined 0", "blind"]);
    expect(other.nodes.list().length).toBe(2);
    isOpen = true;
    broker.loses = () => false;
    await group.pass(60_000, nodes);
    expect(other.events.at(-1)).toBe("seeing");
  });

  it("is blind where the broker does not take its signs of life, and tries on", async () => {
    let gate = newDeferred<undefined>();
    let isOpen = true;
    const { broker } = group;
    const a = newTestNode(
      {
        join(member) {
          const membership = broker.join(member);
          const publish: BackplaneMembership["publish"] = async (topic, bytes) => {
            if (!isOpen) await gate.promise;
            return membership.publish(topic, bytes);
          };
          return { ...membership, publish };
        },
      },
      "a",
    );
    const b = group.add("b");
    const pass = (time: number): Promise<void> => group.pass(time, [a, b]);
    await group.settle();
    isOpen = false;
    await pass(5000);
    expect(a.events.slice(2)).toEqual([]);
    await pass(1500);
    expect(a.events.slice(2)).toEqual(["blind"]);
    // What waits is given up after 10 seconds, and the next is tried, which is not taken either.
    await pass(30_000);
    expect(a.events.slice(2)).toEqual(["blind"]);
    isOpen = true;
    gate.resolve(undefined);
    gate = newDeferred();
    await macrotask();
    await pass(6500);
    expect(a.events.slice(2)).toEqual(["blind", "seeing"]);
  });

  it("joins later where the broker is lost before it has asked anybody", async () => {
    const a = group.add("a");
    group.broker.cut(a.inner);
    await group.pass(7000);
    expect([a.nodes.state, a.events]).toEqual(["joining", []]);
    group.broker.mend(a.inner);
    await group.settle();
    expect(a.events).toEqual(["seeing"]);
  });

  it("joins later where the broker does not take its subscriptions at first", async () => {
    let refuses = true;
    const { broker } = group;
    const a = newTestNode(
      {
        join(member) {
          const membership = broker.join(member);
          const subscribe: BackplaneMembership["subscribe"] = (topic) => {
            if (refuses) throw new Error("not yet");
            return membership.subscribe(topic);
          };
          return { ...membership, subscribe };
        },
      },
      "a",
    );
    await group.pass(7000, [a]);
    expect([a.nodes.state, String(a.errors[0])]).toEqual([
      "joining",
      "BackplaneError: Broker refused it",
    ]);
    refuses = false;
    await group.pass(3000, [a]);
    expect(a.nodes.state).toBe("seeing");
  });

  it("asks who somebody is that it does not know, once for each sign of life, and does not listen to it before", async () => {
    const [a] = await group.three();
    group.broker.lines.length = 0;
    const message = encodeMessage("message", stranger, { n: 1, text: true });
    for (let count = 0; count < 3; count++) group.broker.send(topicOf(a.nodes.id), message);
    const asked = `00 ${topicOf(stranger)}`;
    expect(group.broker.lines).toEqual([asked]);
    expect(a.events.length).toBe(3);
    await group.pass(3000);
    group.broker.send(topicOf(a.nodes.id), message);
    expect(group.broker.lines.filter((line) => line === asked).length).toBe(2);
    group.broker.send(topicOf(a.nodes.id), encodeMessage("bye", stranger, {}));
    group.broker.send(topicOf(a.nodes.id), encodeMessage("here", stranger, { age: 1 }));
    expect(a.events.length).toBe(3);
  });

  it("does not know one whose age is none", async () => {
    const [a] = await group.three();
    for (const age of [-1, "1", undefined, 1e300]) {
      group.broker.send(allTopic, encodeMessage("here", stranger, { age }));
    }
    expect([a.events.length, a.nodes.counters.dropped]).toEqual([3, 4]);
  });

  it("knows as many as it may, and tells once that there are more", async () => {
    const a = group.add("a", { maxNodes: 1 });
    const b = group.add("b");
    for (const name of ["c", "d"]) group.add(name);
    await group.pass(7000);
    expect(a.nodes.list().length).toBe(2);
    expect(a.errors.map(String)).toEqual([
      "NodesError: There are too many nodes, and some are not heard; raise maxNodes on all: maxNodes is 1",
    ]);
    b.leave();
    group.kill(b);
    await group.pass(4000);
    expect([a.nodes.list().length, a.errors.length]).toEqual([2, 2]);
    // Those that it asks who they are are no more than that, either.
    const asked = (): number =>
      group.broker.lines.filter((line) => line.includes("node:ff")).length;
    for (const digit of ["0", "1", "2"]) {
      const id = `ff${digit.repeat(30)}`;
      group.broker.send(topicOf(a.nodes.id), encodeMessage("mark", id, {}));
    }
    expect(asked()).toBe(1);
  });

  it("looks for nobody any more once it has left", async () => {
    const [a] = await group.three();
    a.leave();
    a.leave();
    expect([a.clock.running, a.events.at(-1)]).toEqual([0, "left"]);
    a.inner.state("down");
    a.inner.state("up");
    expect(a.events.at(-1)).toBe("left");
  });
});
