import { describe, expect, it } from "vitest";
import { Deadlines } from "../../../src/clock.ts";
import { Interests, type InterestSettings } from "../../../src/connection/backplane/interests.ts";
import { type Deferred, newDeferred } from "../../../src/deferred.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { macrotask } from "../../support/turns.ts";

interface Wanting {
  readonly clock: FakeClock;
  readonly interests: Interests;
  /** What was asked of the broker, and told. */
  readonly lines: string[];
  /** The broker's answers that are due. */
  readonly due: Deferred<void>[];
  /** Wants a topic, and notes what it is told. */
  want(topic: string): void;
}

function newInterests(
  settings: Partial<InterestSettings> = {},
  answer?: () => void | Promise<void>,
): Wanting {
  const clock = new FakeClock();
  const lines: string[] = [];
  const due: Deferred<void>[] = [];
  const interests = new Interests(
    { linger: 5000, timeout: 1000, ...settings },
    new Deadlines(clock),
    {
      subscribe(topic) {
        lines.push(`subscribe ${topic}`);
        if (answer !== undefined) return answer();
        const deferred = newDeferred<void>();
        due.push(deferred);
        return deferred.promise;
      },
      unsubscribe(topic) {
        lines.push(`unsubscribe ${topic}`);
        return answer?.();
      },
      answered: () => void lines.push("answered"),
      overdue: () => void lines.push("overdue"),
      failed: (topic, error) => void lines.push(`failed ${topic}: ${(error as Error).message}`),
      forgotten: (topic) => void lines.push(`forgotten ${topic}`),
    },
  );
  const want = (topic: string): void => {
    void interests.want(topic).then((isHeld) => lines.push(`${topic} ${isHeld}`));
  };
  return { clock, interests, lines, due, want };
}

describe("Interests", () => {
  it("subscribe to a topic once, and resolve for all who wait when the broker knows it", async () => {
    const { interests, want, lines, due } = newInterests();
    interests.open();
    want("x");
    want("x");
    await macrotask();
    expect(lines).toEqual(["subscribe x"]);
    due[0]!.resolve();
    await macrotask();
    want("x");
    await macrotask();
    expect(lines.slice(1)).toEqual(["answered", "x true", "x true", "x true"]);
    expect([interests.has("x"), interests.has("y")]).toEqual([true, false]);
  });

  it("need no promise if the broker needs none", async () => {
    const { interests, want, lines, clock } = newInterests({}, () => {});
    interests.open();
    want("x");
    expect(clock.running).toBe(0);
    await macrotask();
    expect(lines).toEqual(["subscribe x", "answered", "x true"]);
  });

  it("unsubscribe from a topic only after a while, so that flapping costs nothing", async () => {
    const { interests, want, lines, clock } = newInterests({}, () => {});
    interests.open();
    want("x");
    for (let i = 0; i < 100; i++) {
      interests.release("x");
      clock.advance(40);
      want("x");
    }
    interests.release("x");
    clock.advance(4000);
    await macrotask();
    expect(lines.filter((line) => !line.endsWith("true"))).toEqual(["subscribe x", "answered"]);
    clock.advance(1100);
    await macrotask();
    expect(lines.slice(-2)).toEqual(["forgotten x", "unsubscribe x"]);
    expect([interests.has("x"), clock.running]).toEqual([false, 0]);
  });

  it("unsubscribe at once if told to, and if too many linger", () => {
    const { interests, want, lines } = newInterests({ linger: 0 }, () => {});
    interests.open();
    want("x");
    interests.release("x");
    interests.release("x");
    expect(lines).toEqual(["subscribe x", "answered", "forgotten x", "unsubscribe x"]);
    const many = newInterests({}, () => {});
    many.interests.open();
    for (let i = 0; i < 5000; i++) {
      many.want(`topic ${i}`);
      many.interests.release(`topic ${i}`);
    }
    expect([...many.interests.topics()].length).toBe(4096);
  });

  it("wait for nobody while the broker is away, and subscribe when it is back", async () => {
    const { interests, want, lines, due } = newInterests();
    want("x");
    await macrotask();
    expect(lines).toEqual(["x false"]);
    interests.open();
    due[0]!.resolve();
    want("x");
    await macrotask();
    expect(lines.slice(1)).toEqual(["subscribe x", "answered", "x true"]);
  });

  it("resolve with false when the broker goes away, and subscribe again to what the driver has not renewed", async () => {
    const { interests, want, lines, due } = newInterests();
    interests.open();
    for (const topic of ["x", "y"]) want(topic);
    due[0]!.resolve();
    await macrotask();
    interests.shut();
    await macrotask();
    expect(lines.slice(2)).toEqual(["answered", "x true", "y false"]);
    // The driver subscribes again to what is wanted at this time.
    expect([...interests.topics()]).toEqual(["x", "y"]);
    want("z");
    interests.open();
    await macrotask();
    expect(lines.slice(5)).toEqual(["subscribe z", "z false"]);
    // An answer from before the outage counts for nothing.
    due[1]!.reject(new Error("gone"));
    want("y");
    await macrotask();
    expect(lines.slice(7)).toEqual(["y true"]);
  });

  it("list the topics without holding them while the broker is there", async () => {
    const { interests, want, lines, due } = newInterests();
    interests.open();
    want("x");
    expect([...interests.topics()]).toEqual(["x"]);
    interests.open();
    due[0]!.resolve();
    await macrotask();
    expect(lines).toEqual(["subscribe x", "answered", "x true"]);
  });

  it.each<[string, () => Promise<void>]>([
    [
      "throws",
      () => {
        throw new Error("no permission");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no permission"))],
  ])(
    "report that the broker %s, and subscribe again when somebody else wants the topic",
    async (_, answer) => {
      const { interests, want, lines } = newInterests({ linger: 0 }, answer);
      interests.open();
      want("x");
      await macrotask();
      expect(lines.sort()).toEqual(["failed x: no permission", "subscribe x", "x false"]);
      want("x");
      await macrotask();
      expect(lines.length).toBe(6);
      interests.release("x");
      await macrotask();
      expect(lines.slice(6)).toEqual(["forgotten x", "unsubscribe x"]);
    },
  );

  it("wait no longer than the time-out, and accept an answer that comes after it", async () => {
    const { interests, want, lines, due, clock } = newInterests();
    interests.open();
    want("x");
    clock.advance(1100);
    want("x");
    await macrotask();
    expect(lines).toEqual(["subscribe x", "overdue", "x false", "x false"]);
    due[0]!.resolve();
    await macrotask();
    want("x");
    await macrotask();
    expect([lines.slice(4), clock.running]).toEqual([["answered", "x true"], 0]);
  });

  it("report no failure for a topic whose last subscriber did not wait", async () => {
    const { interests, want, lines, due } = newInterests({ linger: 0 });
    interests.open();
    want("x");
    interests.release("x");
    due[0]!.reject(new Error("late"));
    interests.shut();
    want("y");
    interests.release("y");
    await macrotask();
    expect(lines).toContain("x false");
    expect(lines).not.toContain("unsubscribe y");
  });

  it("leave nothing behind when they are closed", async () => {
    const { interests, want, lines, clock } = newInterests();
    interests.open();
    want("x");
    want("y");
    interests.release("y");
    interests.close();
    interests.release("x");
    await macrotask();
    expect([[...interests.topics()], clock.running]).toEqual([[], 0]);
    expect(lines).toEqual(["subscribe x", "subscribe y", "x false", "y false"]);
  });
});
