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
