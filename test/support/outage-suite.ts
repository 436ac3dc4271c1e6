import { describe, expect, it } from "vitest";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import type { Data } from "../../src/connection/data.ts";
import { type Node, nodesAt, nodesOf } from "./backplane-suite.ts";
import type { TestBroker } from "./broker.ts";
import { DelayProxy } from "./delay-proxy.ts";
import { nameOf } from "./server.ts";
import { publishSteadily } from "./steady-publisher.ts";

/** What holds on every backplane over a broker, when that fails. */
export function describeOutages({
  broker,
  newBackplane,
}: {
  readonly broker: () => TestBroker;
  /** Makes a backplane over the broker at a port, which may be a proxy's. */
  newBackplane(port: number): Backplane | Promise<Backplane>;
}): void {
  describe("a broker that fails", () => {
    const { three, start } = nodesOf(() => newBackplane(broker().port));
    const quick = { timeout: 400, maxWaiting: 1_000_000 };

    const state = (nodes: readonly Node[], wanted: string): Promise<void> =>
      expect
        .poll(() => nodes.map(({ server }) => server.backplane!.state), { timeout: 10_000 })
        .toEqual(nodes.map(() => wanted)) as Promise<void>;

    it("carries all that was published when it is back, and each node knows that it may have missed some", async () => {
      const nodes = await three();
      const [a, b, c] = nodes;
      const listeners = await Promise.all(nodes.map((node) => node.listen("tea")));
      const publisher = publishSteadily(a.server, "tea");
      try {
        await expect.poll(() => publisher.carried.length).toBeGreaterThan(20);
        await broker().kill();
        await state(nodes, "down");
        const { ws } = listeners[1]!;
        await ws.send("said while it is away"); // the handler returns what `publish` gives
        const late = await c.listen("late");
        await broker().start();
        await state(nodes, "up");
        a.server.publish("late", "heard");
        await expect.poll(() => late.heard).toEqual(["heard"]);
        await ws.send("said when it is back");
      } finally {
        publisher.stop();
      }
      await publisher.all();
      a.server.publish("tea", "the end");
      for (const [at, { heard }] of listeners.entries()) {
        // Of two publishers: in no order.
        const last = at === 1 ? ["the end"] : ["said when it is back", "the end"];
        await expect.poll(() => heard).toEqual(expect.arrayContaining(last));
        const numbers = heard.filter((data) => /^\d+$/.test(String(data))).map(Number);
        // In order, and each once. A node that is back later than the publisher misses what that publishes in between, and has
        // been told of a gap, as all have.
        expect(numbers.every((one, at) => at === 0 || one > numbers[at - 1]!)).toBe(true);
        if (at === 0) expect(numbers.length).toBe(publisher.count);
      }
      for (const { events, errors } of nodes) {
        // A number that is missing may be seen before all that was subscribed is confirmed, which is "up".
        const [first, ...next] = events.slice(0, 3);
        expect([first, ...next.sort()]).toEqual(["down DOWN", "gap", "up"]);
        expect(errors).toEqual([]);
      }
      expect(b.server.connections.length).toBe(1);
    });

    it("delays nobody while it stands still, and memory is bounded", async () => {
      const nodes = await Promise.all([start(quick), start(quick)]);
      const [a, b] = nodes;
      const [here, there] = await Promise.all(nodes.map((node) => node.listen("tea")));
      const ends: string[] = [];
      broker().pause();
      try {
        const { ws } = await a.listen("tea");
        for (let at = 0; at < 40; at++) await ws.send("x".repeat(50_000));
        // Those here have it all, though nothing is carried.
        await expect.poll(() => here!.heard.length).toBe(40);
        expect(a.server.backplane!.counters.waiting).toBeLessThan(1_000_000);
        // An answer that was on its way when the broker stopped makes room for one more.
        for (let at = 0; at < 3; at++) {
          a.server.publish("tea", "x".repeat(50_000)).carried.then(
            () => ends.push("carried"),
            (error: unknown) => ends.push(nameOf(error)),
          );
        }
        await state([a], "down");
        const [open] = a.server.connections;
        expect(await open!.subscribe("more")).toBe(false);
        await expect.poll(() => a.server.backplane!.counters.failed).toBeGreaterThan(20);
      } finally {
        broker().resume();
      }
      await expect.poll(() => ends.length).toBe(3);
      expect(ends).toContain("QUEUE_FULL");
      await state(nodes, "up");
      // The broker has much to answer.
      const patient = { timeout: 10_000 };
      await expect.poll(() => a.server.backplane!.counters.waiting, patient).toBe(0);
      a.server.publish("tea", "on");
      await expect.poll(() => there!.heard.at(-1), patient).toBe("on");
      // What it did not take any more is missing there, and told.
      expect(there!.heard.length).toBeLessThan(42);
      expect(b.events).toContain("gap");
      expect(a.events.slice(0, 2)).toEqual(["down TIMEOUT", "up"]);
      expect([a.errors, b.errors]).toEqual([[], []]);
    });

    it.each(["is gone", "stands still"])("lets servers shut down in time if it %s", async (how) => {
      const nodes = await Promise.all([start(), start()]);
      await Promise.all(nodes.map((node) => node.listen("tea")));
      if (how === "is gone") await broker().kill();
      else broker().pause();
      try {
        const [a, b] = nodes;
        const { carried } = a.server.publish("tea", "x");
        const deadline = 1000;
        const results = [a, b].map(({ server }) => server.shutdown({ deadline }));
        expect(await Promise.all(results)).toEqual([
          { closed: 1, dropped: 0 },
          { closed: 1, dropped: 0 },
        ]);
        await expect(carried).rejects.toMatchObject({ name: "BackplaneError" });
      } finally {
        if (how === "is gone") await broker().start();
        else broker().resume();
      }
    });

    it("lets servers start without it, and they join when it is there", async () => {
      await broker().kill();
      const nodes = await Promise.all([start(), start()]);
      expect(nodes.map(({ events }) => events)).toEqual([["down DOWN"], ["down DOWN"]]);
      const [a, b] = nodes;
      const { heard } = await b.listen("tea");
      const { carried } = a.server.publish("tea", "early");
      await broker().start();
      await state(nodes, "up");
      await carried;
      a.server.publish("tea", "late");
      await expect.poll(() => heard.at(-1) as Data).toBe("late");
    });

    it("is waited for if it is slow, and nothing is lost", async () => {
      const proxy = await DelayProxy.start(broker().port, 30);
      const slow = nodesAt(() => newBackplane(proxy.port));
      try {
        const [a, b] = await Promise.all([slow.start(), slow.start()]);
        const { heard } = await b.listen("tea");
        const [ws] = b.server.connections;
        const sent: string[] = [];
        for (let number = 0; number < 8; number++) {
          expect(await ws!.subscribe(`topic ${number}`)).toBe(true);
          sent.push(`${number}`);
          a.server.publish(`topic ${number}`, `${number}`);
        }
        await expect.poll(() => heard, { timeout: 10_000 }).toEqual(sent);
        expect(b.events).toEqual([]);
        await slow.stop();
      } finally {
        proxy.close();
      }
    });
  });
}
