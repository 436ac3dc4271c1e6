import { beforeEach, describe, expect, it } from "vitest";
import { encodeMessage, type Head } from "../../../src/nodes/message.ts";
import { TestConnection, type TestNode, TestNodes } from "../../support/test-nodes.ts";

const onTopic = "$framewire:in:t";

describe("PresenceSync", () => {
  let group: TestNodes;
  let a: TestNode;
  let b: TestNode;
  let c: TestNode;

  beforeEach(async () => {
    group = new TestNodes();
    [a, b, c] = await group.three();
    void a.presence.watch("t");
    await group.settle();
    a.events.length = 0;
  });

  const enter = (node: TestNode, key: string, topic = "t"): TestConnection => {
    const ws = new TestConnection();
    void node.presence.enter(ws, topic, key);
    return ws;
  };
  const keys = ({ presence }: TestNode): string =>
    presence
      .list("t")
      .map(({ key, connections }) => `${key} ${connections}`)
      .sort()
      .join();
  const lose = (isLost: (topic: string) => boolean): void => {
    group.broker.loses = (topic) => isLost(topic);
  };

  it("sends all changes of one task together", async () => {
    void b.presence.watch("t");
    await group.settle();
    const before = a.nodes.counters.received;
    const all = ["ann", "bob", "eve"].map((key) => enter(b, key));
    await group.settle();
    expect(a.nodes.counters.received - before).toBe(1);
    for (const ws of all) ws.end();
    await group.settle();
    expect([keys(a), a.nodes.counters.received - before]).toEqual(["", 2]);
  });

  it("notices a change that is missing by the next one", async () => {
    const ann = enter(b, "ann");
    await group.settle();
    lose((topic) => topic === onTopic);
    enter(b, "bob");
    ann.end();
    await group.settle();
    lose(() => false);
    expect(keys(a)).toBe("ann 1");
    enter(b, "eve");
    await group.settle();
    expect(keys(a)).toBe("bob 1,eve 1");
  });

  it("notices that the last change is missing with the next sign of life, also where nobody is left", async () => {
    const ann = enter(b, "ann");
    await group.settle();
    lose((topic) => topic === onTopic);
    ann.end();
    await group.settle();
    lose(() => false);
    expect(keys(a)).toBe("ann 1");
    await group.pass(4000);
    expect(keys(a)).toBe("");
  });

  it("asks again where the answer is lost, too", async () => {
    lose((topic) => topic !== "$framewire:nodes");
    enter(b, "ann");
    enter(c, "bob");
    await group.settle();
    lose((topic) => topic === `$framewire:node:${a.nodes.id}`);
    await group.pass(8000);
    expect(keys(a)).toBe("");
    lose(() => false);
    await group.pass(4000);
    expect(keys(a)).toBe("ann 1,bob 1");
  });

  it("finds differences by comparing with one node after the other", async () => {
    const ann = enter(b, "ann");
    await group.settle();
    lose((topic) => topic === onTopic);
    ann.end();
    await group.pass(4000);
    lose(() => false);
    expect(keys(a)).toBe("ann 1");
    await group.pass(8000);
    expect(keys(a)).toBe("");
  });

  it("compares with all nodes when the broker is back, and sends what has changed meanwhile", async () => {
    enter(b, "ann");
    await group.settle();
    group.broker.cut(b.inner);
    enter(b, "bob");
    enter(c, "eve");
    group.broker.cut(a.inner);
    enter(c, "joe");
    await group.settle();
    expect(keys(a)).toBe("ann 1");
    group.broker.mend(a.inner);
    group.broker.mend(b.inner);
    await group.settle();
    expect(keys(a)).toBe("ann 1,bob 1,eve 1,joe 1");
    expect(keys(b)).toBe(keys(a));
  });

  it("removes the keys of a node that has left, and adds them again when it comes back", async () => {
    enter(b, "ann");
    enter(c, "ann");
    enter(b, "bob");
    await group.settle();
    await group.pass(20_000, [a, c]);
    expect([keys(a), a.events.slice(-2)]).toEqual(["ann 1", ["t -bob", "left b silent"]]);
    await group.pass(6000);
    expect(keys(a)).toBe("ann 2,bob 1");
    c.leave();
    await group.settle();
    expect(keys(a)).toBe("ann 1,bob 1");
  });

  it("sends a node that comes later all keys, in as many messages as needed", async () => {
    for (let at = 0; at < 3000; at++) enter(b, `somebody with a long name, number ${at}`);
    await group.settle();
    expect(a.presence.list("t").length).toBe(3000);
    const d = group.add("d");
    const ws = enter(d, "me");
    await group.settle();
    expect(d.presence.list("t").length).toBe(3001);
    ws.end();
    await group.settle();
    expect([d.presence.list("t").length, a.presence.list("t").length]).toEqual([0, 3000]);
  });

  it("unsubscribes from a topic if nobody on this node needs it", async () => {
    const ws = enter(b, "ann");
    await group.settle();
    ws.end();
    await group.settle();
    await group.pass(6000);
    const { received } = b.nodes.counters;
    group.broker.send(onTopic, encodeMessage("mark", c.nodes.id, { topic: "t", at: 1 }));
    expect(b.nodes.counters.received).toBe(received);
    expect(a.nodes.counters.received).toBeGreaterThan(0);
  });

  it("asks nothing about a topic that was left before the broker had answered", async () => {
    const { length } = group.broker.lines;
    void c.presence.watch("u");
    c.presence.unwatch("u");
    await group.settle();
    expect(group.broker.lines.slice(length).filter((line) => line.endsWith("in:u"))).toEqual([]);
  });

  it("drops what cannot be read, and asks for what a mark says", async () => {
    enter(b, "ann");
    await group.settle();
    const send = (kind: "keys" | "mark" | "compare", head: Head): void => {
      group.broker.send(onTopic, encodeMessage(kind, c.nodes.id, head));
    };
    const { dropped } = a.nodes.counters;
    send("keys", { topic: "t", at: 1, keys: [1] });
    send("mark", { topic: 1, at: 1 });
    send("mark", { topic: "t", at: -1 });
    send("compare", { topics: 1 });
    send("compare", { topics: [1] });
    send("compare", { topics: [[1, 1]] });
    send("compare", { topics: [["t", "1"]] });
    expect(a.nodes.counters.dropped - dropped).toBe(7);
    send("keys", { topic: "unknown", at: 1, keys: [] });
    send("mark", { topic: "unknown", at: 1 });
    expect(a.nodes.counters.dropped - dropped).toBe(7);
    expect(keys(a)).toBe("ann 1");
  });

  it("says that nobody is in a topic any more, to nodes that think so", async () => {
    const replies: unknown[] = [];
    const ask = async (topics: unknown[]): Promise<void> => {
      const { length } = group.broker.lines;
      group.broker.send(
        `$framewire:node:${b.nodes.id}`,
        encodeMessage("compare", a.nodes.id, { topics }),
      );
      replies.push(group.broker.lines.slice(length).length);
      await group.settle();
    };
    await ask([["t", 0]]);
    await ask([["t", 5]]);
    await ask([["t", 0, true]]);
    const ws = enter(b, "ann");
    await group.settle();
    ws.end();
    await group.settle();
    await ask([["t", 2]]);
    await ask([["t", 1]]);
    expect(replies).toEqual([0, 1, 1, 0, 1]);
  });

  it("limits its marks while the broker is away", async () => {
    group.broker.cut(b.inner);
    const ws = new TestConnection();
    for (let at = 0; at < 16_400; at++) {
      void b.presence.enter(ws, `topic ${at}`, "ann");
      b.presence.leave(ws, `topic ${at}`);
      if (at % 1000 === 0) await Promise.resolve();
    }
    await group.settle();
    const { length } = group.broker.lines;
    group.broker.mend(b.inner);
    await group.settle();
    const marks = group.broker.lines.slice(length).filter((line) => line.includes("in:topic"));
    expect(marks.length).toBe(16_384);
  });

  it("compares with each other node once, however many losses a driver reports", async () => {
    await group.pass(4000);
    const { length } = group.broker.lines;
    for (let count = 0; count < 100; count++) a.inner.gap();
    a.inner.gap(["$framewire:nodes"]);
    await group.settle();
    const compared = (): string[] =>
      group.broker.lines.slice(length).filter((line) => line.includes("node:"));
    expect(compared()).toEqual([]);
    await group.pass(3500, [a]);
    expect(compared().length).toBe(2);
  });

  it("compares a few topics at a time, and all of them in the end", async () => {
    for (let at = 0; at < 1200; at++) void a.presence.watch(`topic ${at}`);
    await group.settle();
    lose((topic) => topic.includes("in:topic"));
    const ws = enter(b, "ann", "topic 7");
    enter(b, "ann", "topic 1100");
    await group.pass(4000);
    ws.end();
    lose(() => false);
    let most = 0;
    group.broker.sees = (_, bytes) => void (most = Math.max(most, bytes.length));
    await group.pass(24_000);
    expect(a.presence.list("topic 1100").length).toBe(1);
    expect(most).toBeLessThan(16_000);
  });

  it("spreads the work of all nodes over some seconds when a broker is back", async () => {
    for (let at = 0; at < 20; at++) group.add(`${at}`);
    await group.settle();
    group.broker.cut(a.inner);
    await group.settle();
    const { length } = group.broker.lines;
    const compared = (): number =>
      group.broker.lines.slice(length).filter((line) => line.startsWith("00 $framewire:node:"))
        .length;
    group.broker.mend(a.inner);
    await group.settle();
    expect(compared()).toBe(8);
    await group.pass(8000);
    expect(compared()).toBeGreaterThanOrEqual(22);
  });

  it("goes on if a node has sent the highest possible stamp", async () => {
    const head = { topic: "t", at: 1, full: true, keys: [["eve", 1, 2 ** 52, "lie"]] };
    group.broker.send(onTopic, encodeMessage("keys", c.nodes.id, head));
    void b.presence.enter(new TestConnection(), "t", "ann", 1);
    const ws = new TestConnection();
    void a.presence.enter(ws, "t", "bob", 1);
    a.presence.update(ws, "t", 2);
    await group.settle();
    const states = ({ presence }: TestNode): unknown[] =>
      presence
        .list("t")
        .map(({ key, state }) => `${key} ${String(state)}`)
        .sort();
    expect(states(a)).toEqual(["ann 1", "bob 2", "eve lie"]);
    expect(states(b)).toEqual(["ann 1", "bob 2"]);
  });

  it("answers a comparison that names a topic twice with nothing", async () => {
    for (let at = 0; at < 100; at++) enter(b, `key ${at}`);
    await group.settle();
    const { length } = group.broker.lines;
    const { dropped } = b.nodes.counters;
    const topics = Array.from({ length: 1000 }, () => ["t", 0, true]);
    const bytes = encodeMessage("compare", a.nodes.id, { topics });
    group.broker.send(`$framewire:node:${b.nodes.id}`, bytes);
    expect(group.broker.lines.length - length).toBe(0);
    expect(b.nodes.counters.dropped - dropped).toBe(1);
  });

  it("respects the stamps of others, so that later changes win", async () => {
    const theirs = new TestConnection();
    void b.presence.enter(theirs, "t", "ann", 0);
    for (let mood = 1; mood < 5; mood++) b.presence.update(theirs, "t", mood);
    await group.settle();
    void a.presence.enter(new TestConnection(), "t", "ann", "mine");
    await group.settle();
    expect([a, b].map(({ presence }) => presence.list("t")[0]!.state)).toEqual(["mine", "mine"]);
  });
});
