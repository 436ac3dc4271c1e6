import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import type { RedisClient } from "../../adapters/redis/index.ts";
import { startBroker, type TestBroker } from "./broker.ts";

/** Whether there is a Redis to be started, and its clients. In CI what is absent is a failure. */
export const hasRedis: boolean =
  process.env["CI"] === "true" ||
  (["redis", "ioredis"].every((name) => existsSync(`node_modules/${name}`)) &&
    spawnSync("redis-server", ["--version"]).status === 0);

/** Starts a Redis on a port of its own. */
export function startRedis(...options: string[]): Promise<TestBroker> {
  // Nothing is kept in files, neither by what it has nor by what a replica gets.
  const inMemory = ["--save", "", "--appendonly", "no", "--repl-diskless-load", "swapdb"];
  const fixed = ["--bind", "127.0.0.1", ...inMemory, ...options];
  return startBroker(
    (port) => ["redis-server", "--port", String(port), ...fixed],
    "Ready to accept connections",
  );
}

/** Makes a client, by name: tests that need no Redis do without the packages. Nothing is opened. */
export async function redisClient(
  name: "node-redis" | "ioredis",
  port: number,
  password?: string,
): Promise<RedisClient> {
  const quick = (): number => 20;
  if (name === "node-redis") {
    const module = "redis";
    const { createClient } = (await import(/* @vite-ignore */ module)) as {
      createClient(options: object): RedisClient;
    };
    return createClient({
      password,
      socket: { host: "127.0.0.1", port, reconnectStrategy: quick },
    });
  }
  const module = "ioredis";
  const { Redis } = (await import(/* @vite-ignore */ module)) as {
    Redis: new (options: object) => RedisClient;
  };
  return new Redis({ host: "127.0.0.1", port, password, lazyConnect: true, retryStrategy: quick });
}
