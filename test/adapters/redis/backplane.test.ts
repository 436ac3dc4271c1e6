import { describe, expect, it } from "vitest";
import { redisBackplane } from "../../../adapters/redis/index.ts";
import type {
  BackplaneMember,
  BackplaneMembership,
} from "../../../src/connection/backplane/backplane.ts";
import { hasRedis, redisClient, startRedis } from "../../support/redis.ts";

/** What holds of publications is in test/runtime/redis.test.ts. */

const client = { duplicate() {}, ssubscribe() {} };

describe("redisBackplane()", () => {
  it.each<[object, string]>([
    [{ prefix: 5 }, "prefix must be a string: 5 is a number"],
    [{ sharded: "yes" }, 'sharded must be true or false: "yes" is a string'],
    [{ Prefix: "a" }, "Unknown option Prefix: did you mean prefix?"],
  ])("refuses wrong options: %o", (options, message) => {
    expect(() => redisBackplane(client, options)).toThrow(new TypeError(message));
  });

  it("refuses an object that is no client", () => {
    expect(() => redisBackplane({} as never)).toThrow(TypeError);
  });

  it.skipIf(!hasRedis).each(["node-redis", "ioredis"] as const)(
    "passes on what Redis refuses as Redis says it, by %s",
    async (name) => {
      const rights = "default on nopass +@all -publish ~* resetchannels &framewire:ours";
      const redis = await startRedis("--user", ...rights.split(" "));
      const member: BackplaneMember = {
        id: "0".repeat(32),
        topics: () => [],
        subscribers: () => 0,
        deliver() {},
        state() {},
        gap() {},
      };
      const backplane = redisBackplane(await redisClient(name, redis.port));
      const joined: BackplaneMembership = await backplane.join(member);
      try {
        await expect(joined.publish("ours", new Uint8Array(1))).rejects.toThrow(/^NOPERM/);
        await expect(joined.subscribe("theirs")).rejects.toThrow(/^NOPERM/);
        await joined.subscribe("ours");
      } finally {
        await joined.leave(new AbortController().signal);
        await redis.kill();
      }
    },
  );
});
