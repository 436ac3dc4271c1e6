import { beforeEach, describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import { encodeMessage } from "../../src/nodes/message.ts";
import { joinNodes } from "../../src/nodes/nodes.ts";
import { allTopic, topicOf } from "../../src/nodes/roster.ts";
import { newMember } from "../support/backplane-member.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type TestNode, TestNodes } from "../support/test-nodes.ts";

describe("Group", () => {
  let group: TestNodes;
  let a: TestNode;
  let b: TestNode;

  beforeEach(async () => {
    group = new TestNodes();
    [a, b] = await group.three();
    a.events.length = 0;
  });

  /** Sends something to the first, as the second would. */
  const send = (
    topic: string,
    ...rest: [Parameters<typeof encodeMessage>[0], object, string?]
  ): void => {
    const [kind, head, payload = ""] = rest;
    const fields = head as Record<string, unknown>;
    group.broker.send(topic, encodeMessage(kind, b.nodes.id, fields, encodeUtf8(payload)));
  };

  it("accepts a message once, and counts repeated, unreadable and unknown ones", () => {
    const own = topicOf(a.nodes.id);
    const { dropped } = a.nodes.counters;
    send(allTopic, "message", { n: 5, text: true }, "all");
    send(own, "message", { n: 4, text: true }, "own");
    send(allTopic, "message", { n: 5, text: true }, "again");
    send(own, "message", { n: 3, text: true }, "late");
    send(own, "message", { text: true }, "no number");
    expect(a.events).toEqual(["message all", "message own"]);
    group.broker.send(own, encodeUtf8("nothing of ours"));
    group.broker.send(
      own,
      encodeMessage("message", b.nodes.id, { n: 9, text: true }, Uint8Array.of(0xff)),
    );
    send(own, "ask", { n: 9, for: "count", within: 1 });
    send(own, "ask", { n: 10, for: "count", within: "1" });
    send(own, "answer", { n: 77 });
    expect(a.nodes.counters.dropped - dropped).toBe(8);
    expect(a.errors).toEqual([]);
  });

  it("counts a question without a valid name as unread, and throws nothing", async () => {
    const own = topicOf(a.nodes.id);
    const { dropped } = a.nodes.counters;
    send(own, "ask", { n: 1, for: { toString: 1, valueOf: 1 }, within: 0 });
    send(own, "ask", { n: 2, for: JSON.parse("[".repeat(900) + "]".repeat(900)), within: 0 });
    send(own, "ask", { n: 3, within: 0 });
    expect(a.nodes.counters.dropped - dropped).toBe(3);
    send(own, "ask", { n: 4, for: "count", topic: { toString: 1, valueOf: 1 }, within: 0 });
    send(own, "ask", { n: 5, for: "presence", topic: { toString: 1, valueOf: 1 }, within: 0 });
    await group.settle();
    expect([a.errors, a.nodes.counters.answering]).toEqual([[], 0]);
  });

  it("ignores its own messages if the broker gives them back", () => {
    const before = a.nodes.counters;
    group.broker.send(allTopic, encodeMessage("message", a.nodes.id, { n: 1, text: true }));
    expect([a.nodes.counters, a.events]).toEqual([before, []]);
  });

  it("answers a question once, and says that it failed if its text is invalid", async () => {
    const errors: unknown[] = [];
    const questions: unknown[] = [];
    const c = group.add("d", {
      unhandledErrors: (error) => void errors.push(error),
      handlers: {
        request: (data) => {
          questions.push(data);
          return "yes";
        },
      },
    });
    await group.settle();
    const own = topicOf(c.nodes.id);
    for (let count = 0; count < 2; count++)
      send(own, "ask", { n: 9, text: true, for: "request", within: 0 }, "?");
    const bad = encodeMessage(
      "ask",
      b.nodes.id,
      { n: 10, text: true, for: "request", within: 0 },
      Uint8Array.of(0xff),
    );
    group.broker.send(own, bad);
    await group.settle();
    expect([questions, errors.map(String)]).toEqual([
      ["?"],
      ["TypeError: A question is not valid UTF-8"],
    ]);
  });

  it("reports what handlers throw, and goes on", async () => {
    const fails = (): never => {
      throw new Error("handler");
    };
    const handlers = { joined: fails, left: fails, state: fails, message: fails };
    const d = group.add("d", { handlers });
    await group.settle();
    void a.nodes.send("x");
    await group.settle();
    a.leave();
    group.kill(a);
    await group.settle();
    expect(d.errors.map(String)).toEqual(Array(6).fill("Error: handler"));
    expect(d.nodes.list().length).toBe(3);
  });

  it("leaves if the driver cannot join, at once or later", async () => {
    for (const join of [
      () => {
        throw new Error("no");
      },
      () => Promise.reject(new Error("no")),
    ]) {
      const clock = new FakeClock();
      const nodes = joinNodes({ join } as Backplane, { clock });
      await expect((async () => nodes.join(newMember()))()).rejects.toThrow("no");
      expect([nodes.state, clock.running]).toEqual(["left", 0]);
    }
  });

  it("ignores messages about presence if nobody listens for them", async () => {
    const clock = new FakeClock();
    const nodes = joinNodes(group.broker, { clock });
    const membership = nodes.join(newMember());
    await group.settle();
    send(topicOf(nodes.id), "compare", { topics: [["t", 0]] });
    group.broker.mend(a.inner);
    expect(nodes.counters.dropped).toBe(0);
    clock.advance(10_000);
    a.leave();
    await group.settle();
    void (await membership).leave(new AbortController().signal);
    expect(nodes.state).toBe("left");
  });
});
