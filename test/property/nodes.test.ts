import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeMessage, type MessageKind } from "../../src/nodes/message.ts";
import { allTopic, topicOf } from "../../src/nodes/roster.ts";
import { TestConnection, TestNodes } from "../support/test-nodes.ts";

const kinds: MessageKind[] = [
  ...(["here", "hello", "message", "ask", "answer", "keys", "mark", "compare"] as const),
];

/** Something that a field may be: what it should be, or nearly, or anything. */
const values = fc.oneof(
  fc.constantFrom("t", "count", "presence", "request", "x".repeat(2000)),
  fc.nat({ max: 20 }),
  fc.constantFrom(-1, 0.5, 2 ** 52, 2 ** 53 - 1, 1e300),
  fc.boolean(),
  fc.array(fc.tuple(fc.constantFrom("ann", "bob", "__proto__"), fc.nat(3), fc.nat(9)), {
    maxLength: 3,
  }),
  fc.array(fc.tuple(fc.constant("t"), fc.nat(9), fc.boolean()), { maxLength: 3 }),
  fc.jsonValue({ maxDepth: 2 }),
);

const heads = fc.dictionary(
  fc.constantFrom(
    ...["age", "info", "n", "text", "for", "within", "topic", "error", "count", "keys"],
    ...["at", "full", "part", "last", "gone", "topics"],
  ),
  values,
  { maxKeys: 8 },
);

describe("whatever a node on the broker sends", () => {
  it("throws nothing, fails no handler, and changes nothing that other nodes say of themselves", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...kinds), heads, fc.constantFrom(0, 1, 2)), {
          minLength: 1,
          maxLength: 30,
        }),
        async (messages) => {
          const group = new TestNodes();
          const [a, b, liar] = await group.three();
          void a.presence.watch("t");
          void b.presence.enter(new TestConnection(), "t", "honest", 1);
          await group.settle();
          const topics = [allTopic, topicOf(a.nodes.id), "$framewire:in:t"];
          for (const [kind, head, to] of messages) {
            group.broker.send(topics[to]!, encodeMessage(kind, liar.nodes.id, head));
          }
          await group.settle();
          liar.leave();
          group.kill(liar);
          await group.settle();
          for (const { presence, errors, nodes } of [a, b]) {
            expect(presence.list("t")).toEqual([{ key: "honest", state: 1, connections: 1 }]);
            expect([errors, nodes.list().length]).toEqual([[], 2]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("does no harm under another node's name: both count as one node", async () => {
    const group = new TestNodes();
    const [a, b] = await group.three();
    for (let count = 0; count < 5; count++) {
      const age = count * 1000;
      group.broker.send(allTopic, encodeMessage("hello", b.nodes.id, { age, info: "twin" }));
    }
    group.broker.send(allTopic, encodeMessage("keys", b.nodes.id, { topic: "t", at: 9, keys: [] }));
    await group.settle();
    expect(a.nodes.list().map(({ info }) => info)).toEqual(["a", "b", "c"]);
    expect(
      b.nodes
        .list()
        .map(({ info }) => info)
        .sort(),
    ).toEqual(["a", "b", "c"]);
    expect([a.errors, b.errors]).toEqual([[], []]);
  });
});
