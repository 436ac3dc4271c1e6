import { beforeEach, describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { Deadlines } from "../../src/clock.ts";
import { newDeferred, rejected } from "../../src/deferred.ts";
import type { AnswerParts } from "../../src/nodes/answering.ts";
import { type Answer, Asking } from "../../src/nodes/asking.ts";
import { NodesError } from "../../src/nodes/errors.ts";
import type { NodeMessage } from "../../src/nodes/message.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";

function answer(sender: string, head: object, payload = ""): NodeMessage {
  const bytes = encodeUtf8(payload);
  return { kind: "answer", sender, head: head as Record<string, unknown>, payload: bytes };
}

function lines(answers: readonly Answer[]): string[] {
  return answers.map(
    ({ node, message, error }) => `${node} ${error?.code ?? String(message!.head.x)}`,
  );
}

describe("Asking", () => {
  let clock: FakeClock;
  let said: string[];
  let result: Promise<unknown>;
  let asking: Asking;

  beforeEach(() => {
    clock = new FakeClock();
    said = [];
    result = Promise.resolve();
    let number = 0;
    asking = new Asking({
      deadlines: new Deadlines(clock),
      maxRequests: 2,
      others: () => ["a", "b"],
      nextNumber: () => ++number,
      say: (topic, kind, head) => {
        said.push(`${topic} ${kind} ${JSON.stringify(head)}`);
        return result;
      },
    });
  });

  it("gives the answers of all other nodes when the last has come", async () => {
    const asked = asking.ask(undefined, 1000, { for: "x" });
    expect(said).toEqual(['$framewire:nodes ask {"for":"x","n":1,"within":1000}']);
    expect(asking.take(answer("b", { n: 1, x: 2 }))).toBe(true);
    expect(asking.take(answer("b", { n: 1, x: 3 }))).toBe(false);
    expect(asking.size).toBe(1);
    expect(asking.take(answer("a", { n: 1, error: "BUSY" }))).toBe(true);
    expect(lines(await asked)).toEqual(["b 2", "a BUSY"]);
    expect([asking.size, clock.running]).toEqual([0, 0]);
  });

  it("asks a single node on its own topic, as long as it is there", async () => {
    const asked = asking.ask("b", Infinity, {});
    expect(said).toEqual(['$framewire:node:b ask {"n":1,"within":0}']);
    clock.advance(1_000_000);
    expect(asking.take(answer("a", { n: 1 }))).toBe(false);
    const all = asking.ask(undefined, 1000, {});
    asking.gone("a");
    asking.gone("b");
    expect(lines(await asked)).toEqual(["b GONE"]);
    expect(lines(await all)).toEqual(["a GONE", "b GONE"]);
  });

  it("says how long it waits in whole milliseconds, which all nodes can read", () => {
    void asking.ask("a", 0.25, {});
    void asking.ask("b", 1e300, {});
    expect(said.map((line) => line.slice(line.indexOf("{")))).toEqual([
      '{"n":1,"within":1}',
      `{"n":2,"within":${Number.MAX_SAFE_INTEGER}}`,
    ]);
  });

  it("asks this node itself, with the same time-out and limit", async () => {
    const answered = asking.askSelf("me", 1000, () => Promise.resolve({ head: { x: 1 } }));
    expect(lines(await answered)).toEqual(["me 1"]);
    const failing = asking.askSelf("me", 1000, () => rejected(new NodesError("FAILED")));
    expect(lines(await failing)).toEqual(["me FAILED"]);
    const late = newDeferred<AnswerParts>();
    const never = asking.askSelf("me", 1000, () => late.promise);
    const other = asking.askSelf("me", Infinity, () => newDeferred<AnswerParts>().promise);
    await expect(asking.askSelf("me", 1000, () => late.promise)).rejects.toMatchObject({
      code: "BUSY",
    });
    clock.advance(1200);
    expect(lines(await never)).toEqual(["me TIMEOUT"]);
    late.resolve({ head: {} });
    await macrotask();
    asking.close();
    await expect(other).rejects.toMatchObject({ code: "LEFT" });
    expect([said, asking.size, clock.running]).toEqual([[], 0, 0]);
  });

  it("says at once that a node has gone, and gives nothing if no other node is there", async () => {
    expect(lines(await asking.ask("c", 1000, {}))).toEqual(["c GONE"]);
    expect(said).toEqual([]);
  });

  it("names nodes that have not answered in time, and ignores later answers", async () => {
    const asked = asking.ask(undefined, 1000, {});
    asking.take(answer("a", { n: 1, x: 1 }));
    clock.advance(1200);
    expect(lines(await asked)).toEqual(["a 1", "b TIMEOUT"]);
    expect(asking.take(answer("b", { n: 1 }))).toBe(false);
    expect(asking.take(answer("b", { n: "1" }))).toBe(false);
  });

  it("says that nobody was reached if the broker did not take the question", async () => {
    const cause = new Error("full");
    result = rejected(cause);
    const answers = await asking.ask("a", 1000, {});
    expect(lines(answers)).toEqual(["a UNREACHABLE"]);
    expect(answers[0]!.error!.cause).toBe(cause);
    // One who has heard it after all, and answers at once.
    const answered = asking.ask("a", 1000, {});
    asking.take(answer("a", { n: 2, x: 1 }));
    expect(lines(await answered)).toEqual(["a 1"]);
    await macrotask();
    expect(asking.size).toBe(0);
  });

  it("limits the number of questions", async () => {
    void asking.ask("a", 1000, {});
    void asking.ask("a", 1000, {});
    await expect(asking.ask("a", 1000, {})).rejects.toMatchObject({ code: "BUSY" });
  });

  it("rejects what is under way when the server is shut down, and what is asked after that", async () => {
    const asked = [asking.ask("a", 1000, {}), asking.ask(undefined, Infinity, {})];
    asking.close();
    for (const each of [...asked, asking.ask("a", 1, {})]) {
      await expect(each).rejects.toMatchObject({ code: "LEFT" });
    }
    expect([asking.size, clock.running]).toEqual([0, 0]);
  });

  it("keeps an answer in memory of its own", async () => {
    const asked = asking.ask("a", 1000, {});
    const message = answer("a", { n: 1 }, "before");
    asking.take(message);
    message.payload.fill(0);
    expect((await asked)[0]!.message!.payload).toEqual(encodeUtf8("before"));
  });
});
