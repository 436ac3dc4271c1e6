import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisStreams, type RedisStreamsOptions } from "../../adapters/redis/index.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import { encodeEnvelope } from "../../src/connection/backplane/envelope.ts";
import type { Position } from "../../src/connection/backplane/history.ts";
import { OpBinary } from "../../src/frame/opcode.ts";
import { describeBackplane } from "../support/backplane-suite.ts";
import type { TestBroker } from "../support/broker.ts";
import { describeHistory, historyNodesOf, itOutlivesOutages } from "../support/history-suite.ts";
import { hasRedis, redisClient, startRedis } from "../support/redis.ts";

const clients = ["node-redis", "ioredis"] as const;

describe.skipIf(!hasRedis).each(clients)("streams of Redis by %s", (client) => {
  let redis: TestBroker;
  let folder: string;
  const backplaneOf =
    (options: RedisStreamsOptions = {}) =>
    async (): Promise<Backplane> =>
      redisStreams(await redisClient(client, redis.port), options);

  /** What an administrator does. */
  const command = (...words: string[]): string => {
    const result = spawnSync("redis-cli", ["-p", String(redis.port), ...words]);
    return String(result.stdout).trim();
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "framewire-redis-"));
    redis = await startRedis("--dir", folder, "--appendonly", "yes", "--appendfsync", "always");
  });

  afterAll(async () => {
    await redis.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  describeHistory("streams", backplaneOf({ history: 500, prefix: "suite:" }));
  describeBackplane("streams", backplaneOf({ prefix: "plain:" }));
  describeBackplane("topics without one", backplaneOf({ prefix: "none:", keeps: () => false }));

  it("keeps once what a server has to give twice, and says where it stands", async () => {
    const backplane = await backplaneOf({ prefix: "twice:" })();
    const membership = await backplane.join({
      id: "0".repeat(32),
      topics: () => [],
      subscribers: () => 0,
      deliver() {},
      state() {},
      gap() {},
    });
    const envelope = (series: number, sequence: number): Uint8Array =>
      encodeEnvelope({
        ...{ node: "n".repeat(16), opcode: OpBinary, compress: true, series, sequence },
        payload: Uint8Array.of(0, 255),
      });
    const places: readonly (readonly [series: number, sequence: number])[] = [
      [0, 9],
      [0, 10],
      [0, 10],
      [0, 9],
      [1, 1],
      [0, 11],
    ];
    const positions: (Position | undefined)[] = [];
    for (const place of places) {
      positions.push((await membership.publish("t", envelope(...place))) as Position | undefined);
    }
    expect(command("XLEN", "{twice:t}:log")).toBe("3");
    expect(positions[2]).toEqual(positions[1]);
    // Those in front of the last one are there, and nobody knows where.
    expect([positions[3], positions[5]]).toEqual([undefined, undefined]);
    const page = await membership.history!("t", positions[0]);
    expect(page.entries.map(({ position }) => position)).toEqual([positions[1], positions[4]]);
    expect([...page.entries[0]!.envelope.subarray(-2)]).toEqual([0, 255]);
    await membership.leave(new AbortController().signal);
  });

  describe("when Redis fails", () => {
    const nodes = historyNodesOf(backplaneOf({ history: 5000 }));
    const { start } = nodes;

    itOutlivesOutages(nodes, () => redis);

    it("tells who comes back, and each server, where the stream was deleted", async () => {
      const node = await start();
      const before = (await node.server.publish("milk", "1").carried)!;
      const resident = await node.listen("milk");
      command("DEL", "{framewire:milk}:log");
      const after = (await node.server.publish("milk", "2").carried)!;
      expect(after.epoch).not.toBe(before.epoch);
      await expect.poll(resident.texts).toEqual(["2"]);
      expect(node.events).toEqual(["gap"]);
      const { joined, texts } = await node.listen("milk", before);
      expect(joined).toEqual({ complete: false, replayed: 1, position: after });
      await expect.poll(texts).toEqual(["2"]);
    });

    it("tells so where the epoch was deleted, or the whole of Redis is empty", async () => {
      const node = await start();
      for (const words of [["DEL", "{framewire:beer}:epoch"], ["FLUSHALL"]]) {
        const before = await node.server.publish("beer", "1").carried;
        command(...words);
        const { joined } = await node.listen("beer", before);
        expect(joined).toMatchObject({ complete: false, replayed: 0 });
      }
    });

    it("forgets topics that nobody has published to for long", async () => {
      const node = await start();
      await node.server.publish("wine", "1").carried;
      expect(Number(command("PTTL", "{framewire:wine}:log"))).toBeGreaterThan(86_000_000);
      expect(Number(command("PTTL", "{framewire:wine}:epoch"))).toBeGreaterThan(86_000_000);
    });

    it("drops and counts what is published on its channels by others", async () => {
      const node = await start();
      const { texts } = await node.listen("water");
      for (const text of ["poison", "a b c\nd", "a b\nc"]) {
        command("PUBLISH", "framewire:water", text);
      }
      await node.server.publish("water", "1").carried;
      await expect.poll(texts).toEqual(["1"]);
      expect(node.server.backplane!.counters.dropped).toBe(3);
    });
  });
});
