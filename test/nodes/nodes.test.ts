import { beforeEach, describe, expect, it } from "vitest";
import type { BackplaneMembership } from "../../src/connection/backplane/backplane.ts";
import { localBackplane } from "../../src/connection/backplane/local.ts";
import { newDeferred } from "../../src/deferred.ts";
import { joinNodes } from "../../src/nodes/nodes.ts";
import { newMember } from "../support/backplane-member.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { newTestNode, type TestNode, TestNodes } from "../support/test-nodes.ts";

const unknown = "ff".repeat(16);

describe("joinNodes()", () => {
  it("refuses a value that is no backplane, and a second server", () => {
    expect(() => joinNodes({} as never)).toThrow("backplane must be a Backplane: Object");
    const nodes = joinNodes(localBackplane(), { clock: new FakeClock() });
    expect(() => joinNodes(nodes)).toThrow("backplane must be a driver's");
    void nodes.join(newMember());
    expect(() => nodes.join(newMember())).toThrow(
      new TypeError("These nodes have a server: call joinNodes() once for each server"),
    );
  });

  it("has the history of its driver, except for topics of the nodes themselves", () => {
    const of = (backplane: Parameters<typeof joinNodes>[0]): unknown[] => {
      const nodes = joinNodes(backplane);
      return [nodes.histories === undefined, nodes.keeps("t"), nodes.keeps("$framewire:nodes")];
    };
    expect(of(localBackplane())).toEqual([true, false, false]);
    expect(of(localBackplane({ history: 9 }))).toEqual([false, true, false]);
    const some = localBackplane({ history: 9, keeps: (topic) => topic !== "t" });
    expect(of(some)).toEqual([false, false, false]);
    const { histories, join } = localBackplane({ history: 9 });
    expect(of({ histories, join })).toEqual([false, true, false]);
  });

  it("works alone, with nobody to ask", async () => {
    const a = newTestNode(localBackplane(), "a");
    await Promise.resolve();
    a.subscribers = () => 3;
    expect(await a.nodes.count("t")).toEqual({ count: 3, nodes: 1, missing: [] });
    expect(await a.nodes.request("?")).toEqual([]);
    await a.nodes.send("x");
    expect(a.nodes.list().length).toBe(1);
    a.leave();
  });
});

describe("Nodes", () => {
  let group: TestNodes;
  let a: TestNode;
  let b: TestNode;
  let c: TestNode;
  const heard = (node: TestNode): string[] =>
    node.events.filter((event) => event.startsWith("message"));

  beforeEach(async () => {
    group = new TestNodes();
    [a, b, c] = await group.three();
  });

  it("sends to all others, to one, or to itself", async () => {
    const carried = [
      a.nodes.send("all"),
      a.nodes.send(Uint8Array.of(1, 2).buffer, { to: b.nodes.id }),
      a.nodes.send("self", { to: a.nodes.id }),
    ];
    await group.settle();
    await Promise.all(carried);
    expect([a, b, c].map(heard)).toEqual([
      ["message self"],
      ["message all", "message 1,2"],
      ["message all"],
    ]);
  });

  it("refuses what it cannot send, before anything is sent", async () => {
    expect(() => a.nodes.send(1 as never)).toThrow("data must be a string, an ArrayBuffer");
    expect(() => a.nodes.send("x", { for: "y" } as never)).toThrow("Unknown option for");
    expect(() => a.nodes.send("x".repeat(524_289))).toThrow(
      new RangeError("data must be maxMessageSize bytes at the most, 524288: 524289"),
    );
    expect(() => a.nodes.count(1 as never)).toThrow("topic must be a string: Number");
    expect(() => a.nodes.count("t", { timeout: NaN })).toThrow("timeout must be milliseconds");
    expect(() => a.nodes.request("x", { timeout: "1" as never })).toThrow(
      "timeout must be a number",
    );
    await expect(a.nodes.send("x", { to: unknown })).rejects.toMatchObject({ code: "GONE" });
    const alone = joinNodes(localBackplane());
    for (const result of [alone.send("x"), alone.request("x"), alone.count("t")]) {
      await expect(result).rejects.toMatchObject({ code: "NOT_JOINED" });
    }
    expect(alone.id).toBe("");
  });

  it("counts the subscribers of a topic on all nodes, and names nodes that have not answered", async () => {
    for (const [at, node] of [a, b, c].entries()) node.subscribers = (topic) => topic.length + at;
    const counted = a.nodes.count("ab");
    await group.settle();
    expect(await counted).toEqual({ count: 9, nodes: 3, missing: [] });
    group.broker.loses = (_, to) => to === c.nodes.id;
    const less = a.nodes.count("ab", { timeout: 1000 });
    await group.pass(1500);
    expect(await less).toEqual({ count: 5, nodes: 2, missing: [c.nodes.id] });
  });

  it("gathers a reply from each node, or the reason why there is none", async () => {
    const answers = {
      text: (data: unknown) => `${String(data)}!`,
      bytes: () => Promise.resolve(Uint8Array.of(7)),
      failing: () => {
        throw new Error("in the handler");
      },
      large: () => "x".repeat(600_000),
      wrong: () => 1 as never,
    };
    const nodes = new Map<string, string>();
    for (const [name, request] of Object.entries(answers)) {
      nodes.set(group.add(name, { handlers: { request } }).nodes.id, name);
    }
    nodes.set(b.nodes.id, "none").set(c.nodes.id, "silent");
    await group.settle();
    group.broker.loses = (_, to) => to === c.nodes.id;
    const asked = a.nodes.request("hi", { timeout: 0 });
    await group.settle();
    group.broker.loses = () => false;
    group.kill(c);
    await group.pass(14_000);
    const lines = (await asked).map(
      ({ node, data, error }) => `${nodes.get(node)}: ${error?.code ?? String(data)}`,
    );
    expect(lines.sort()).toEqual([
      ...["bytes: 7", "failing: FAILED", "large: TOO_LARGE", "none: UNHANDLED"],
      ...["silent: GONE", "text: hi!", "wrong: FAILED"],
    ]);
    const told = group.all.flatMap(({ errors }) => errors.map(String)).sort();
    expect(told).toEqual([
      "Error: in the handler",
      "NodesError: Message is too large; send less, or raise maxMessageSize on all nodes: 600000, maxMessageSize is 524288",
      "TypeError: answer must be a string, an ArrayBuffer or a view on one: Number",
    ]);
  });

  it("asks a single node, and itself", async () => {
    let answer: () => string = () => "mine";
    const d = group.add("d", { handlers: { request: () => answer() } });
    await group.settle();
    const own = d.nodes.request("?", { to: d.nodes.id });
    expect(await own).toEqual([{ node: d.nodes.id, data: "mine", error: undefined }]);
    const theirs = a.nodes.request("?", { to: d.nodes.id });
    await group.settle();
    expect(await theirs).toEqual(await own);
    answer = () => {
      throw new Error("broken");
    };
    expect((await d.nodes.request("?", { to: d.nodes.id }))[0]!.error!.code).toBe("FAILED");
    expect(d.errors.map(String)).toEqual(["Error: broken"]);
    expect((await a.nodes.request("?", { to: a.nodes.id }))[0]!.error!.code).toBe("UNHANDLED");
    expect((await a.nodes.request("?", { to: unknown }))[0]!.error!.code).toBe("GONE");
  });

  it("settles a question to itself as one to others", async () => {
    const never = newDeferred<string>();
    const d = group.add("d", { handlers: { request: () => never.promise } });
    await group.settle();
    const to = d.nodes.id;
    const asked = [
      d.nodes.request("?", { to, timeout: 1000 }),
      d.nodes.request("?", { to, timeout: 0 }),
    ];
    await group.pass(1500);
    expect((await asked[0]!)[0]!.error!.code).toBe("TIMEOUT");
    d.leave();
    await expect(asked[1]).rejects.toMatchObject({ code: "LEFT" });
    await expect(d.nodes.request("?", { to })).rejects.toMatchObject({ code: "LEFT" });
    const alone = joinNodes(localBackplane(), {}, { request: () => "mine" });
    await expect(alone.request("?", { to: "" })).rejects.toMatchObject({ code: "NOT_JOINED" });
  });

  it("leaves no timer behind, whatever others wait for", async () => {
    const never = newDeferred<string>();
    const d = group.add("d", { handlers: { request: () => never.promise } });
    await group.settle();
    void a.nodes.request("?", { to: d.nodes.id, timeout: 1e9 });
    await group.settle();
    expect(d.nodes.counters.answering).toBe(1);
    d.leave();
    await group.settle();
    expect([d.nodes.counters.answering, d.clock.running]).toEqual([0, 0]);
  });

  it("counts an answer that should be text and is not as a failure", async () => {
    const asked = a.nodes.request("?", { to: b.nodes.id });
    const { encodeMessage } = await import("../../src/nodes/message.ts");
    const head = { n: 1, text: true };
    const bytes = encodeMessage("answer", b.nodes.id, head, Uint8Array.of(0xff));
    group.broker.send(`$framewire:node:${a.nodes.id}`, bytes);
    expect((await asked)[0]!.error!.code).toBe("FAILED");
  });

  it("settles all that is under way when its server is shut down", async () => {
    const slow = newDeferred<string>();
    const d = group.add("d", { handlers: { request: () => slow.promise } });
    await group.settle();
    const asked = [a.nodes.request("?", { timeout: 0 }), a.nodes.count("t")];
    await Promise.resolve();
    expect(a.nodes.counters.asking).toBe(2);
    const other = b.nodes.request("?", { to: d.nodes.id, timeout: 0 });
    await group.settle();
    expect(d.nodes.counters.answering).toBe(2);
    a.leave();
    d.leave();
    await group.settle();
    expect((await other)[0]!.error!.code).toBe("GONE");
    for (const each of [asked[0], a.nodes.send("x"), a.nodes.request("x"), a.nodes.count("t")]) {
      await expect(each).rejects.toMatchObject({ code: "LEFT" });
    }
    expect(a.nodes.counters.asking).toBe(0);
  });

  it("does not let the clients of a server hear or say what nodes do", async () => {
    const { membership } = a as { membership: BackplaneMembership };
    void membership.subscribe(`$framewire:node:${b.nodes.id}`);
    a.inner.deliver(`$framewire:node:${b.nodes.id}`, Uint8Array.of(1));
    expect(() => membership.publish("$framewire:nodes", Uint8Array.of(1))).toThrow("refused");
    await group.settle();
    expect(a.member.lines).toEqual([]);
  });
});
