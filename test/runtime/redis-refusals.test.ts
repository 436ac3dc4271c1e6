import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisBackplane, redisStreams } from "../../adapters/redis/index.ts";
import { nodesAt, nodesOf } from "../support/backplane-suite.ts";
import type { TestBroker } from "../support/broker.ts";
import { CutProxy } from "../support/cut-proxy.ts";
import { historyNodesOf } from "../support/history-suite.ts";
import { hasRedis, redisClient, startRedis } from "../support/redis.ts";

/** What holds where Redis is there, and says that it will not do for now what it is asked. */

const clients = ["node-redis", "ioredis"] as const;

/** A state of Redis: how it gets into it, and out of it. */
interface State {
  readonly name: string;
  readonly begin: readonly (readonly string[])[];
  readonly end: readonly (readonly string[])[];
}

const states: readonly State[] = [
  {
    name: "READONLY",
    begin: [["REPLICAOF", "127.0.0.1", "1"]],
    end: [["REPLICAOF", "NO", "ONE"]],
  },
  {
    name: "MASTERDOWN",
    begin: [
      ["CONFIG", "SET", "replica-serve-stale-data", "no"],
      ["REPLICAOF", "127.0.0.1", "1"],
    ],
    end: [
      ["REPLICAOF", "NO", "ONE"],
      ["CONFIG", "SET", "replica-serve-stale-data", "yes"],
    ],
  },
  {
    name: "NOREPLICAS",
    begin: [["CONFIG", "SET", "min-replicas-to-write", "1"]],
    end: [["CONFIG", "SET", "min-replicas-to-write", "0"]],
  },
  {
    name: "OOM",
    begin: [["CONFIG", "SET", "maxmemory", "1"]],
    end: [["CONFIG", "SET", "maxmemory", "0"]],
  },
];

/** A cluster of one node. */
let cluster: TestBroker;
const slots = ["0", "16383"];

beforeAll(async () => {
  if (!hasRedis) return;
  const folder = mkdtempSync(join(tmpdir(), "framewire-redis-"));
  cluster = await startRedis(
    ...["--cluster-enabled", "yes", "--cluster-node-timeout", "100", "--dir", folder],
  );
  command(cluster.port, ["CLUSTER", "ADDSLOTSRANGE", ...slots]);
  return async () => {
    await cluster.kill();
    rmSync(folder, { recursive: true, force: true });
  };
});

function command(port: number, words: readonly string[]): string {
  return String(spawnSync("redis-cli", ["-p", String(port), ...words]).stdout).trim();
}

describe.skipIf(!hasRedis).each(clients)("what Redis refuses for now, by %s", (client) => {
  let redis: TestBroker;
  const say = (...words: string[]): string => command(redis.port, words);

  beforeAll(async () => {
    redis = await startRedis("--busy-reply-threshold", "20");
  });

  afterAll(() => redis.kill());

  const { start } = historyNodesOf(async () =>
    redisStreams(await redisClient(client, redis.port), { history: 5000 }),
  );

  const { start: startPlain } = nodesOf(async () =>
    redisBackplane(await redisClient(client, redis.port)),
  );

  it.each(states)("is given again when $name has passed: nothing is lost", async (state) => {
    const [a, b] = await Promise.all([start(), start()]);
    const listeners = await Promise.all([a, b].map((node) => node.listen(state.name)));
    await a.server.publish(state.name, "before").carried;
    for (const words of state.begin) say(...words);
    const carried = ["1", "2", "3"].map((text) => a.server.publish(state.name, text).carried);
    await expect.poll(() => a.events).toEqual(["down DOWN"]);
    for (const words of state.end) say(...words);
    await Promise.all(carried);
    await a.server.publish(state.name, "after").carried;
    for (const { texts } of listeners) {
      await expect.poll(texts).toEqual(["before", "1", "2", "3", "after"]);
    }
    expect(a.events).toEqual(["down DOWN", "up"]);
    expect([a.errors, b.errors]).toEqual([[], []]);
  });

  it("is given again in its order, where the state passes while much is under way", async () => {
    const [a, b] = await Promise.all([start(), start()]);
    const { texts } = await b.listen("much");
    const carried: Promise<unknown>[] = [];
    for (let round = 0; round < 4; round++) {
      say("REPLICAOF", "127.0.0.1", "1");
      // On its way while Redis is no replica any more: some of it is refused, and the rest may not overtake that.
      const flood = spawn("redis-cli", ["-p", String(redis.port), "REPLICAOF", "NO", "ONE"]);
      const over = new Promise((resolve) => flood.once("exit", resolve));
      for (let turn = 0; turn < 50; turn++) {
        for (let at = 0; at < 10; at++) {
          carried.push(a.server.publish("much", `${carried.length}`).carried);
        }
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await over;
      await Promise.all(carried);
    }
    await expect.poll(() => texts().length, { timeout: 10_000 }).toBe(carried.length);
    expect(texts()).toEqual(carried.map((_, at) => `${at}`));
  });

  it("is told of a topic that it may subscribe to no more, and the others are heard", async () => {
    const [a, b] = await Promise.all([startPlain(), startPlain()]);
    const ours = await b.listen("ours");
    const theirs = await b.listen("theirs");
    // Redis ends the connections of those who are subscribed to what they may not hear.
    say("ACL", "SETUSER", "default", "resetchannels", "&framewire:ours");
    try {
      await expect.poll(() => b.events).toContain("error REFUSED");
      expect(b.server.backplane!.state).toBe("up");
      await expect.poll(() => a.server.backplane!.state).toBe("up");
      expect(await [...b.server.connections].at(-1)!.subscribe("theirs")).toBe(false);
      await a.server.publish("ours", "1").carried;
      await expect.poll(() => ours.heard).toEqual(["1"]);
      expect(theirs.heard).toEqual([]);
    } finally {
      say("ACL", "SETUSER", "default", "allchannels");
    }
  });

  describe("while it runs a script that does not end", () => {
    const hog = async (): Promise<ChildProcess> => {
      const child = spawn("redis-cli", [
        "-p",
        String(redis.port),
        "EVAL",
        "while true do end",
        "0",
      ]);
      await expect.poll(() => say("PING")).toMatch(/^BUSY/);
      return child;
    };
    const stop = async (child: ChildProcess): Promise<void> => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      say("SCRIPT", "KILL");
      await ended;
    };

    it("waits, publications and subscriptions", async () => {
      const [a, b] = await Promise.all([startPlain(), startPlain()]);
      const { heard } = await b.listen("tea");
      const child = await hog();
      const { carried } = a.server.publish("tea", "hot");
      await expect.poll(() => a.events).toEqual(["down DOWN"]);
      const late = await b.listen("late");
      await expect.poll(() => b.events).toEqual(["down DOWN"]);
      await stop(child);
      await carried;
      await expect.poll(() => heard).toEqual(["hot"]);
      await expect
        .poll(() => [a, b].map(({ server }) => server.backplane!.state))
        .toEqual(["up", "up"]);
      await a.server.publish("late", "cold").carried;
      await expect.poll(() => late.heard).toEqual(["cold"]);
      expect([a.errors, b.errors]).toEqual([[], []]);
    });

    it("lets servers start, and stop, and start", async () => {
      const child = await hog();
      const early = await startPlain();
      expect(early.events).toEqual(["down DOWN"]);
      const { carried } = early.server.publish("tea", "early");
      await early.server.shutdown({ deadline: 300 });
      await expect(carried).rejects.toMatchObject({ code: "LEFT" });
      const node = await startPlain();
      await stop(child);
      await expect.poll(() => node.server.backplane!.state).toBe("up");
    });
  });
});

describe.skipIf(!hasRedis).each(clients)(
  "a failover in which connections stay, by %s",
  (client) => {
    it("is noticed, and what is published goes to the new master", async () => {
      const [old, next] = await Promise.all([startRedis(), startRedis()]);
      // What leads to the master: a name, or a balancer.
      const way = await CutProxy.start(old.port);
      const onWay = nodesAt(async () => redisBackplane(await redisClient(client, way.port)));
      const onNext = nodesAt(async () => redisBackplane(await redisClient(client, next.port)));
      const link = (): string => command(next.port, ["INFO", "replication"]);
      try {
        command(next.port, ["REPLICAOF", "127.0.0.1", String(old.port)]);
        await expect.poll(link, { timeout: 10_000 }).toContain("master_link_status:up");
        const [a, b] = await Promise.all([onWay.start(), onNext.start()]);
        const { heard } = await b.listen("tea");
        a.server.publish("tea", "before");
        await expect.poll(() => heard, { timeout: 10_000 }).toEqual(["before"]);
        command(next.port, ["REPLICAOF", "NO", "ONE"]);
        command(old.port, ["REPLICAOF", "127.0.0.1", String(next.port)]);
        way.target = next.port;
        const publish = (): readonly unknown[] => {
          a.server.publish("tea", "behind");
          return heard;
        };
        await expect.poll(publish, { timeout: 10_000 }).toContain("behind");
        expect(a.events).toEqual(["down DOWN", "up", "gap"]);
        expect(b.events).toContain("gap");
        expect([a.errors, b.errors]).toEqual([[], []]);
      } finally {
        await Promise.all([onWay.stop(), onNext.stop()]);
        way.close();
        await Promise.all([old.kill(), next.kill()]);
      }
    });
  },
);

describe.skipIf(!hasRedis).each(clients)("a cluster that has lost slots, by %s", (client) => {
  const say = (...words: string[]): string => command(cluster.port, words);
  const { start: startStreams } = historyNodesOf(async () =>
    redisStreams(await redisClient(client, cluster.port), { sharded: true }),
  );
  const { start: startSharded } = nodesOf(async () =>
    redisBackplane(await redisClient(client, cluster.port), { sharded: true }),
  );

  it("is waited for, by publications with a history and without, and by subscribers", async () => {
    // A node that starts waits 2 s for others.
    await expect.poll(() => say("CLUSTER", "INFO"), { timeout: 8000 }).toContain("state:ok");
    const [kept, plain, other] = await Promise.all([
      startStreams(),
      startSharded(),
      startSharded(),
    ]);
    const [{ texts }, { heard }] = await Promise.all([kept.listen("tea"), other.listen("tea")]);
    say("CLUSTER", "DELSLOTSRANGE", ...slots);
    const carried = [kept, plain].map(({ server }) => server.publish("tea", "hot").carried);
    // Redis ends the subscriptions of the third, which publishes nothing.
    for (const { events } of [kept, plain, other]) {
      await expect.poll(() => events).toEqual(["down DOWN"]);
    }
    say("CLUSTER", "ADDSLOTSRANGE", ...slots);
    await Promise.all(carried);
    await expect.poll(texts).toEqual(["hot"]);
    await expect.poll(() => other.events, { timeout: 8000 }).toEqual(["down DOWN", "up", "gap"]);
    await plain.server.publish("tea", "again").carried;
    await expect.poll(() => heard.at(-1)).toEqual("again");
    expect([kept.errors, plain.errors, other.errors]).toEqual([[], [], []]);
  });
});
