import { beforeEach, describe, expect, it } from "vitest";
import { noBytes } from "../../src/bytes.ts";
import { Deadlines } from "../../src/clock.ts";
import { newDeferred } from "../../src/deferred.ts";
import { Answering, type AnswerParts } from "../../src/nodes/answering.ts";
import { NodesError } from "../../src/nodes/errors.ts";
import type { NodeMessage } from "../../src/nodes/message.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";

const question = (what: string): NodeMessage => ({
  kind: "ask",
  sender: "a",
  head: { for: what },
  payload: noBytes,
});

describe("Answering", () => {
  let clock: FakeClock;
  let said: string[];
  let errors: string[];
  let answering: Answering;

  beforeEach(() => {
    clock = new FakeClock();
    said = [];
    errors = [];
    answering = new Answering({
      deadlines: new Deadlines(clock),
      maxRequests: 2,
      say: (topic, kind, head) => {
        said.push(`${topic} ${kind} ${JSON.stringify(head)}`);
        return Promise.resolve();
      },
      failed: (error) => void errors.push(String(error)),
    });
  });

  it("answers registered questions, and says of others that nobody answers", async () => {
    answering.answer("x", () => ({ head: { y: 1 } }));
    answering.take(question("x"), 1, 1000);
    answering.take(question("toString"), 2, 1000);
    await macrotask();
    expect(said).toEqual([
      '$framewire:node:a answer {"error":"UNHANDLED","n":2}',
      '$framewire:node:a answer {"y":1,"n":1}',
    ]);
    expect([answering.size, clock.running]).toEqual([0, 0]);
  });

  it("says that an answerer has failed, or why, and reports the error on this node", async () => {
    answering.answer("x", () => {
      throw new Error("broken");
    });
    answering.answer("y", () => Promise.reject(new NodesError("TOO_LARGE")));
    answering.take(question("x"), 1, 0);
    answering.take(question("y"), 2, 0);
    await macrotask();
    expect(said).toEqual([
      '$framewire:node:a answer {"error":"FAILED","n":1}',
      '$framewire:node:a answer {"error":"TOO_LARGE","n":2}',
    ]);
    expect(errors).toEqual([
      "Error: broken",
      "NodesError: Message is too large; send less, or raise maxMessageSize on all nodes",
    ]);
  });

  it("limits the answers under way, and forgets those that nobody waits for any more", async () => {
    const parts = [newDeferred<AnswerParts>(), newDeferred<AnswerParts>()];
    answering.answer("x", () => parts[0]!.promise);
    answering.answer("y", () => parts[1]!.promise);
    answering.take(question("x"), 1, 1000);
    answering.take(question("y"), 2, 1000);
    answering.take(question("x"), 3, 1000);
    expect(said).toEqual(['$framewire:node:a answer {"error":"BUSY","n":3}']);
    clock.advance(1200);
    expect(answering.size).toBe(0);
    parts[0]!.resolve({ head: {} });
    parts[1]!.reject(new Error("late"));
    await macrotask();
    expect([said.length, errors]).toEqual([1, ["Error: late"]]);
  });

  it("forgets the questions of a node that has gone, and all when it is closed", async () => {
    const parts = newDeferred<AnswerParts>();
    answering.answer("x", () => parts.promise);
    answering.take(question("x"), 1, 0);
    answering.take({ ...question("x"), sender: "b" }, 1, 1_000_000);
    answering.gone("a");
    expect([answering.size, clock.running]).toEqual([1, 1]);
    answering.close();
    expect([answering.size, clock.running]).toEqual([0, 0]);
    parts.resolve({ head: {} });
    await macrotask();
    expect(said).toEqual([]);
  });

  it("answers this node itself", async () => {
    answering.answer("x", () => ({ head: { y: 1 } }));
    expect(await answering.ask(question("x"))).toEqual({ head: { y: 1 } });
    await expect(answering.ask(question("z"))).rejects.toMatchObject({ code: "UNHANDLED" });
  });
});
