import { beforeEach, describe, expect, it } from "vitest";
import { localBackplane } from "../../../src/connection/backplane/local.ts";
import { NodesError } from "../../../src/nodes/errors.ts";
import { joinNodes } from "../../../src/nodes/nodes.ts";
import { presenceOf } from "../../../src/nodes/presence/presence.ts";
import { TestConnection, type TestNode, TestNodes } from "../../support/test-nodes.ts";
import { macrotask } from "../../support/turns.ts";

describe("presenceOf()", () => {
  it("refuses a second one, and options that are wrong", () => {
    const nodes = joinNodes(localBackplane());
    presenceOf(nodes);
    expect(() => presenceOf(nodes)).toThrow(new TypeError("These nodes have a presence already"));
    expect(() => presenceOf(nodes, { maxKey: 1 } as never)).toThrow("did you mean maxKeys?");
    expect(() => presenceOf(localBackplane() as never)).toThrow(
      new TypeError("nodes must be what joinNodes() gives: Object"),
    );
  });
});

describe("Presence", () => {
  let group: TestNodes;
  let a: TestNode;
  let b: TestNode;
  let c: TestNode;

  beforeEach(async () => {
    group = new TestNodes();
    [a, b, c] = await group.three();
    for (const { events } of [a, b, c]) events.length = 0;
  });

  const keys = ({ presence }: TestNode, topic = "t"): string[] =>
    presence.list(topic).map(({ key, connections }) => `${key} ${connections}`);

  it("reports each join and leave once to all nodes that are in a topic or watch it", async () => {
    const [one, two, three] = [new TestConnection(), new TestConnection(), new TestConnection()];
    expect(await a.presence.watch("t")).toBe(true);
    expect(await b.presence.enter(one, "t", "ann", "here")).toBe(true);
    void c.presence.enter(two, "t", "ann");
    void c.presence.enter(three, "t", "bob");
    await group.settle();
    expect([a, b, c].map((node) => keys(node).sort())).toEqual(Array(3).fill(["ann 2", "bob 1"]));
    expect(a.presence.list("t").find(({ key }) => key === "ann")!.state).toBe("here");
    one.end();
    await group.settle();
    expect(keys(a)).toEqual(["ann 1", "bob 1"]);
    two.end();
    c.presence.leave(three, "t");
    c.presence.leave(three, "t");
    await group.settle();
    // The state that was given last went with the connection that gave it.
    expect(a.events).toEqual(["t +ann", "t +bob", "t ann=undefined", "t -bob", "t -ann"]);
    expect([a, b, c].map((node) => keys(node))).toEqual([[], [], []]);
  });

  it("costs nothing on nodes without anybody in a topic", async () => {
    void a.presence.enter(new TestConnection(), "t", "ann");
    await group.settle();
    const { received } = c.nodes.counters;
    void a.presence.enter(new TestConnection(), "t", "bob");
    await group.settle();
    expect([c.nodes.counters.received - received, keys(c)]).toEqual([0, []]);
  });

  it("reports a changed state on all nodes", async () => {
    const ws = new TestConnection();
    void a.presence.watch("t");
    void b.presence.enter(ws, "t", "ann", { mood: "good" });
    await group.settle();
    void b.presence.enter(ws, "t", "ann");
    b.presence.update(ws, "t", { mood: "bad" });
    b.presence.update(ws, "t", { mood: "bad" });
    b.presence.update(ws, "u", 1);
    b.presence.update(new TestConnection(), "t", 1);
    await group.settle();
    expect(a.events).toEqual(["t +ann", 't ann={"mood":"bad"}']);
    expect(b.events).toEqual(a.events);
    b.presence.update(ws, "t", null);
    await group.settle();
    expect(a.presence.list("t")).toEqual([{ key: "ann", state: null, connections: 1 }]);
  });

  it("lets a connection have one key in a topic, and others in others", async () => {
    const ws = new TestConnection();
    void a.presence.enter(ws, "t", "ann");
    void a.presence.enter(ws, "t", "bob");
    void a.presence.enter(ws, "u", "eve");
    await group.settle();
    expect([keys(a), keys(a, "u")]).toEqual([["bob 1"], ["eve 1"]]);
    expect(a.events).toEqual(["t +ann", "t +bob", "t -ann", "u +eve"]);
    ws.end();
    await group.settle();
    expect([keys(a), keys(a, "u")]).toEqual([[], []]);
  });

  it("lets a connection change its key if the topic is full", async () => {
    const small = group.add("small", { presence: { maxKeys: 1 } });
    const [ws, other] = [new TestConnection(), new TestConnection()];
    void small.presence.enter(ws, "t", "ann");
    void small.presence.enter(ws, "t", "bob");
    await group.settle();
    expect(keys(small)).toEqual(["bob 1"]);
    void small.presence.enter(other, "t", "bob");
    expect(() => small.presence.enter(ws, "t", "eve")).toThrow(
      new NodesError("TOO_MANY_KEYS", "maxKeys is 1"),
    );
    expect(keys(small)).toEqual(["bob 2"]);
  });

  it("does not let a connection enter that is not open, or ends before that", async () => {
    const ended = new TestConnection();
    ended.end();
    expect(await a.presence.enter(ended, "t", "ann")).toBe(false);
    const ending = new TestConnection();
    const entered = a.presence.enter(ending, "t", "ann");
    ending.end();
    await entered;
    await macrotask();
    expect(keys(a)).toEqual([]);
    expect(a.presence.list("t")).toEqual([]);
  });

  it("reports in order, and once, what handlers themselves change", async () => {
    const nodes = joinNodes(group.broker, { clock: a.clock });
    const events: string[] = [];
    const [ws, other] = [new TestConnection(), new TestConnection()];
    const presence = presenceOf(
      nodes,
      {},
      {
        joined(topic, { key }) {
          events.push(`+${key}`);
          if (key === "ann") {
            presence.leave(ws, topic);
            void presence.enter(other, topic, "bob");
            events.push("done");
          }
        },
        left: (_, { key }) => void events.push(`-${key}`),
      },
    );
    void nodes.join(a.member);
    void presence.enter(ws, "t", "ann");
    expect(events).toEqual(["+ann", "done", "-ann", "+bob"]);
    await macrotask();
    expect(presence.list("t").map(({ key }) => key)).toEqual(["bob"]);
  });

  it("reports nothing about a topic any more that a handler has left", async () => {
    const nodes = joinNodes(group.broker, { clock: a.clock });
    const events: string[] = [];
    const presence = presenceOf(
      nodes,
      {},
      {
        joined(topic, { key }) {
          events.push(key);
          presence.unwatch(topic);
        },
      },
    );
    void nodes.join(a.member);
    await group.settle();
    void presence.watch("t");
    await group.settle();
    for (const key of ["ann", "bob"]) void b.presence.enter(new TestConnection(), "t", key);
    await group.settle();
    expect(events).toEqual(["ann"]);
  });

  it("forgets a topic that is neither watched nor entered, and reports nobody as gone", async () => {
    void a.presence.watch("t");
    void b.presence.enter(new TestConnection(), "t", "ann");
    await group.settle();
    a.presence.unwatch("t");
    a.presence.unwatch("t");
    expect([keys(a), a.events]).toEqual([[], ["t +ann"]]);
    const ws = new TestConnection();
    void a.presence.enter(ws, "t", "bob");
    void a.presence.watch("t");
    a.presence.unwatch("t");
    await group.settle();
    expect(keys(a).sort()).toEqual(["ann 1", "bob 1"]);
  });

  it("asks all nodes who is in a topic, whether it hears of it or not", async () => {
    void a.presence.enter(new TestConnection(), "t", "ann", 1);
    void b.presence.enter(new TestConnection(), "t", "ann", 2);
    await group.settle();
    const gathered = c.presence.gather("t");
    const own = a.presence.gather("t", { timeout: 0 });
    await group.settle();
    const members = [{ key: "ann", state: 2, connections: 2 }];
    expect(await gathered).toEqual({ members, missing: [] });
    expect(await own).toEqual({ members, missing: [] });
  });

  it("names the nodes that have not answered, or not completely", async () => {
    const bare = joinNodes(group.broker, { clock: a.clock });
    void bare.join({ ...a.member, id: "ee".repeat(16) });
    const small = group.add("small", { maxMessageSize: 10 });
    for (const key of ["one", "two"]) void small.presence.enter(new TestConnection(), "t", key);
    await group.settle();
    group.broker.loses = (_, to) => to === c.nodes.id;
    const gathered = a.presence.gather("t", { timeout: 500 });
    await group.settle();
    await group.pass(1000);
    const { members, missing } = await gathered;
    expect(members.map(({ key }) => key)).toEqual(["one"]);
    expect([...missing].sort()).toEqual([c.nodes.id, small.nodes.id, bare.id].sort());
  });

  it("refuses wrong arguments, and what exceeds a limit", async () => {
    const ws = new TestConnection();
    const cases: [() => unknown, string][] = [
      [() => a.presence.enter(undefined as never, "t", "k"), "ws must be a Connection: Undefined"],
      [() => a.presence.enter({} as never, "t", "k"), "ws must be a Connection: Object"],
      [() => a.presence.enter(ws, "", "k"), "topic must be a string of 1 to 960 UTF-16 units: 0"],
      [() => a.presence.enter(ws, "x".repeat(961), "k"), "1 to 960 UTF-16 units: 961"],
      [() => a.presence.enter(ws, 1 as never, "k"), "topic must be a string: Number"],
      [() => a.presence.enter(ws, "t", ""), "key must be a string of 1 to 256 UTF-16 units: 0"],
      [() => a.presence.enter(ws, "t", "k", 1n), "state must be what JSON can hold: BigInt"],
      [() => a.presence.update(ws, "t", "x".repeat(1023)), "state must be 1024 characters of JSON"],
      [() => a.presence.watch(""), "topic must be"],
      [() => a.presence.gather(""), "topic must be"],
      [() => a.presence.gather("t", { timeout: -1 }), "timeout must be"],
      [() => a.presence.gather("t", { for: 1 } as never), "Unknown option for"],
    ];
    for (const [call, message] of cases) expect(call).toThrow(message);
    const small = group.add("small", { presence: { maxTopics: 2, maxKeys: 1 } });
    void small.presence.enter(ws, "t", "ann");
    expect(() => small.presence.enter(new TestConnection(), "t", "bob")).toThrow(
      new NodesError("TOO_MANY_KEYS", "maxKeys is 1"),
    );
    void small.presence.enter(new TestConnection(), "t", "ann");
    void small.presence.watch("u");
    expect(() => small.presence.watch("v")).toThrow(
      new NodesError("TOO_MANY_TOPICS", "maxTopics is 2"),
    );
    void b.presence.enter(new TestConnection(), "t", "bob");
    void b.presence.enter(new TestConnection(), "t", "eve");
    await group.settle();
    expect([small.presence.dropped, small.presence.list("t").length]).toEqual([1, 2]);
  });

  it("requires a server first, and does nothing after its end", async () => {
    const presence = presenceOf(joinNodes(localBackplane()));
    const ws = new TestConnection();
    expect(() => presence.enter(ws, "t", "k")).toThrow(new NodesError("NOT_JOINED"));
    expect(() => presence.watch("t")).toThrow(new NodesError("NOT_JOINED"));
    await expect(presence.gather("t")).rejects.toMatchObject({ code: "NOT_JOINED" });
    void a.presence.enter(ws, "t", "ann");
    void b.presence.watch("t");
    await group.settle();
    a.leave();
    expect(await a.presence.enter(new TestConnection(), "t", "k")).toBe(false);
    expect(await a.presence.watch("t")).toBe(false);
    await expect(a.presence.gather("t")).rejects.toMatchObject({ code: "LEFT" });
    a.presence.update(ws, "t", 1);
    a.presence.leave(ws, "t");
    await group.settle();
    expect(b.events.slice(-2)).toEqual(["t -ann", "left a left"]);
  });
});
