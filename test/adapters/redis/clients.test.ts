import { describe, expect, it } from "vitest";
import { linksOf, type RedisClient } from "../../../adapters/redis/clients.ts";

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
