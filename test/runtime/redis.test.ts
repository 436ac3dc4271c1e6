import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisBackplane } from "../../adapters/redis/index.ts";
import { describeBackplane, nodesOf } from "../support/backplane-suite.ts";
import { describeRuntimes } from "../support/processes.ts";
import type { TestBroker } from "../support/broker.ts";
import { describeOutages } from "../support/outage-suite.ts";
import { hasRedis, redisClient, startRedis } from "../support/redis.ts";
import { adapter } from "../support/adapter.ts";

const clients = ["node-redis", "ioredis"] as const;

describe.skipIf(!hasRedis).each(clients)("Redis by %s", (client) => {
  let redis: TestBroker;
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

  describeOutages({
    broker: () => redis,
    newBackplane: async (port) => redisBackplane(await redisClient(client, port)),
  });

  if (client === "node-redis") describeRuntimes(() => ["redis", String(redis.port)]);

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
