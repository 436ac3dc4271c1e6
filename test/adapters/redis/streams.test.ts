import { describe, expect, it } from "vitest";
import { redisStreams } from "../../../adapters/redis/streams.ts";

/** What stands in for a client of ioredis: nothing is asked of it before a server joins. */
const client = { duplicate: () => client, ssubscribe() {} };

describe("redisStreams()", () => {
  it.each([
    [{ history: "5" }, TypeError],
    [{ historyTime: "5" }, TypeError],
    [{ keeps: true }, TypeError],
    [{ prefix: 1 }, TypeError],
    [{ historic: 1 }, TypeError],
    [{ history: 0 }, RangeError],
    [{ history: -1 }, RangeError],
    [{ historyTime: Number.NaN }, RangeError],
  ])("refuses %j", (options, error) => {
    expect(() => redisStreams(client, options as object)).toThrow(error);
  });

  it("refuses an object that is no client", () => {
    expect(() => redisStreams({} as never)).toThrow(TypeError);
  });

  it("keeps all topics, unless it is told which", () => {
    expect(redisStreams(client).keeps!("t")).toBe(true);
    const { keeps } = redisStreams(client, { keeps: (topic) => topic === "t", historyTime: 0 });
    expect([keeps!("t"), keeps!("u")]).toEqual([true, false]);
  });
});
