import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisBackplane } from "../../adapters/redis/index.ts";
import type { Data } from "../../src/connection/data.ts";
import { nameOf } from "../support/server.ts";
import { describeBackplane, type Node, nodesOf } from "../support/backplane-suite.ts";
import { hasRedis, redisClient, startRedis, type TestRedis } from "../support/redis.ts";
import { adapter } from "../support/adapter.ts";

const clients = ["node-redis", "ioredis"] as const;

describe.skipIf(!hasRedis).each(clients)("Redis by %s", (client) => {
  let redis: TestRedis;
  const newBackplane = async (): Promise<ReturnType<typeof redisBackplane>> =>
    redisBackplane(await redisClient(client, redis.port));

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.kill());

  describeBackplane("a channel for each topic", newBackplane);

  describe("with sharded pub/sub", () => {
    const { three } = nodesOf(async () =>
      redisBackplane(await redisClient(client, redis.port), { sharded: true, prefix: "shard:" }),
    );

    it("carries publications, too", async () => {
      const [a, b, c] = await three();
      const listeners = await Promise.all([b, c].map((node) => node.listen("tea")));
      for (const data of ["text", Uint8Array.of(0, 255)]) {
        await a.server.publish("tea", data).carried;
        for (const { heard } of listeners) await expect.poll(() => heard.at(-1)).toEqual(data);
      }
    });
  });

  describe("when it fails", () => {
    const { three, start } = nodesOf(newBackplane);
    const quick = { timeout: 400, maxWaiting: 1_000_000 };

    const state = (nodes: readonly Node[], wanted: string): Promise<void> =>
      expect
        .poll(() => nodes.map(({ server }) => server.backplane!.state), { timeout: 10_000 })
        .toEqual(nodes.map(() => wanted)) as Promise<void>;

    it("gets all that is published, carries it when it is back, and each node knows that it may miss some", async () => {
      const nodes = await three();
      const [a, b, c] = nodes;
      const listeners = await Promise.all(nodes.map((node) => node.listen("tea")));
      const carried: string[] = [];
      const all: Promise<unknown>[] = [];
      let number = 0;
      const publish = (): void => {
        const text = `${number++}`;
        const published = a.server.publish("tea", text).carried.then(() => carried.push(text));
        published.catch(() => {});
        all.push(published);
      };
      // Messages are on their way at every moment: some are under way when it dies.
      const timer = setInterval(publish, 2);
      try {
        await expect.poll(() => carried.length).toBeGreaterThan(20);
        await redis.kill();
        await state(nodes, "down");
        const { ws } = listeners[1]!;
        await ws.send("said while it is away"); // the handler returns what `publish` gives
        const late = await c.listen("late");
        await redis.start();
        await state(nodes, "up");
        a.server.publish("late", "heard");
        await expect.poll(() => late.heard).toEqual(["heard"]);
        await ws.send("said when it is back");
      } finally {
        clearInterval(timer);
      }
      await Promise.all(all);
      a.server.publish("tea", "the end");
      for (const [at, { heard }] of listeners.entries()) {
        // Of two publishers: in no order.
        const last = at === 1 ? ["the end"] : ["said when it is back", "the end"];
        await expect.poll(() => heard).toEqual(expect.arrayContaining(last));
        const numbers = heard.filter((data) => /^\d+$/.test(String(data))).map(Number);
        // In order, and each once. A node that is back later than the publisher misses what that publishes in between, and has
        // been told of a gap, as all have.
        expect(numbers.every((one, at) => at === 0 || one > numbers[at - 1]!)).toBe(true);
        if (at === 0) expect(numbers.length).toBe(number);
      }
      for (const { events, errors } of nodes) {
        // A number that is missing may be seen before all that was subscribed is confirmed, which is "up".
        const [first, ...next] = events.slice(0, 3);
        expect([first, ...next.sort()]).toEqual(["down DOWN", "gap", "up"]);
        expect(errors).toEqual([]);
      }
      expect(b.server.connections.length).toBe(1);
    });

    it("holds nobody up where it stands still, and memory is bounded", async () => {
      const nodes = await Promise.all([start(quick), start(quick)]);
      const [a, b] = nodes;
      const [here, there] = await Promise.all(nodes.map((node) => node.listen("tea")));
      const ends: string[] = [];
      redis.pause();
      try {
        const { ws } = await a.listen("tea");
        for (let at = 0; at < 40; at++) await ws.send("x".repeat(50_000));
        // Those here have it all, though nothing is carried.
        await expect.poll(() => here!.heard.length).toBe(40);
        expect(a.server.backplane!.counters.waiting).toBeLessThan(1_000_000);
        a.server.publish("tea", "x".repeat(50_000)).carried.then(
          () => ends.push("carried"),
          (error: unknown) => ends.push(nameOf(error)),
        );
        await state([a], "down");
        const [open] = a.server.connections;
        expect(await open!.subscribe("more")).toBe(false);
        await expect.poll(() => a.server.backplane!.counters.failed).toBeGreaterThan(20);
      } finally {
        redis.resume();
      }
      await expect.poll(() => ends).toEqual(["QUEUE_FULL"]);
      await state(nodes, "up");
      await expect.poll(() => a.server.backplane!.counters.waiting).toBe(0);
      a.server.publish("tea", "on");
      await expect.poll(() => there!.heard.at(-1)).toBe("on");
      // What it did not take any more is missing there, and told.
      expect(there!.heard.length).toBeLessThan(42);
      expect(b.events).toContain("gap");
      expect(a.events.slice(0, 2)).toEqual(["down TIMEOUT", "up"]);
      expect([a.errors, b.errors]).toEqual([[], []]);
    });

    it.each(["is gone", "stands still"])(
      "lets servers shut down in time where it %s",
      async (how) => {
        const nodes = await Promise.all([start(), start()]);
        await Promise.all(nodes.map((node) => node.listen("tea")));
        if (how === "is gone") await redis.kill();
        else redis.pause();
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
          if (how === "is gone") await redis.start();
          else redis.resume();
        }
      },
    );

    it("lets servers start without it, and they join when it is there", async () => {
      await redis.kill();
      const nodes = await Promise.all([start(), start()]);
      expect(nodes.map(({ events }) => events)).toEqual([["down DOWN"], ["down DOWN"]]);
      const [a, b] = nodes;
      const { heard } = await b.listen("tea");
      const { carried } = a.server.publish("tea", "early");
      await redis.start();
      await state(nodes, "up");
      await carried;
      a.server.publish("tea", "late");
      await expect.poll(() => heard.at(-1) as Data).toBe("late");
    });
  });

  it("refuses a server that may not join", async () => {
    const guarded = await startRedis("--requirepass", "secret");
    try {
      for (const password of [undefined, "wrong"]) {
        const backplane = redisBackplane(await redisClient(client, guarded.port, password));
        const serving = adapter.serve({ port: 0, backplane }, {});
        await expect(serving).rejects.toThrow(/NOAUTH|WRONGPASS/);
      }
      const backplane = redisBackplane(await redisClient(client, guarded.port, "secret"));
      const server = await adapter.serve({ port: 0, backplane }, {});
      expect(server.backplane!.state).toBe("up");
      await server.shutdown();
    } finally {
      await guarded.kill();
    }
  });
});
