import { describe, expect, it } from "vitest";
import { linksOf, type RedisClient } from "../../../adapters/redis/clients.ts";
import { hasRedis } from "../../support/redis.ts";

/** The connections themselves are of real clients, to a real Redis: test/runtime/redis.test.ts. */

describe("linksOf()", () => {
  it.each([undefined, null, {}, "redis://localhost", { subscribe() {}, duplicate() {} }])(
    "refuses what is a client of neither: %o",
    (client) => {
      expect(() => linksOf(client as never, false)).toThrow(
        new TypeError(
          "client must be one of node-redis, such as createClient(), or of ioredis, such as new Redis()",
        ),
      );
    },
  );

  it.skipIf(!hasRedis)("refuses clients of a whole cluster, of either package", async () => {
    const { createCluster } = (await import(/* @vite-ignore */ "redis" as string)) as {
      createCluster(options: object): RedisClient;
    };
    const { Cluster } = (await import(/* @vite-ignore */ "ioredis" as string)) as {
      Cluster: new (nodes: object[], options: object) => RedisClient;
    };
    for (const client of [
      createCluster({ rootNodes: [{ url: "redis://127.0.0.1:1" }] }),
      new Cluster([{ port: 1 }], { lazyConnect: true }),
    ]) {
      expect(() => linksOf(client, true)).toThrow(/one of a whole cluster is not supported/);
    }
  });

  it.skipIf(!hasRedis)(
    "refuses the client of node-redis for Sentinel, and takes that of ioredis",
    async () => {
      const { createSentinel } = (await import(/* @vite-ignore */ "redis" as string)) as {
        createSentinel(options: object): RedisClient;
      };
      const { Redis } = (await import(/* @vite-ignore */ "ioredis" as string)) as {
        Redis: new (options: object) => RedisClient;
      };
      const sentinels = [{ host: "127.0.0.1", port: 1 }];
      const client = createSentinel({ name: "tea", sentinelRootNodes: sentinels });
      expect(() => linksOf(client, false)).toThrow(/ioredis with its option sentinels is$/);
      const other = new Redis({ name: "tea", sentinels, lazyConnect: true });
      expect(linksOf(other, false)).toBeTypeOf("function");
    },
  );

  it.each(["sSubscribe", "ssubscribe"])("knows a client by its `%s`, and opens nothing", (name) => {
    const client: RedisClient & Record<string, unknown> = {
      duplicate: () => {
        throw new Error("nobody asked for one");
      },
      [name]() {},
    };
    expect(linksOf(client, true)).toBeTypeOf("function");
  });
});
