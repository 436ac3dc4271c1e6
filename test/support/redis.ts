import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import process from "node:process";
import type { RedisClient } from "../../adapters/redis/index.ts";

/** Whether there is a Redis to be started, and its clients. In CI what is absent is a failure. */
export const hasRedis: boolean =
  process.env["CI"] === "true" ||
  (["redis", "ioredis"].every((name) => existsSync(`node_modules/${name}`)) &&
    spawnSync("redis-server", ["--version"]).status === 0);

/** A Redis that a test has for itself, and may treat badly. */
export interface TestRedis {
  readonly port: number;
  /** It is gone at once, as by a failure of its machine's. */
  kill(): Promise<void>;
  /** Another one, at the same port. */
  start(): Promise<void>;
  /** It holds its connections, and answers nothing. */
  pause(): void;
  resume(): void;
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a Redis on a port of its own. */
export async function startRedis(...options: string[]): Promise<TestRedis> {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  let child: ChildProcess | undefined;
  const end = (): void => void child?.kill("SIGKILL");
  process.once("exit", end);
  const redis: TestRedis = {
    port,
    async kill() {
      const dying = child;
      child = undefined;
      if (dying === undefined) return;
      const ended = new Promise((resolve) => dying.once("exit", resolve));
      dying.kill("SIGKILL");
      await ended;
    },
    start: () =>
      new Promise((resolve, reject) => {
        const started = spawn("redis-server", [...args, ...options]);
        child = started;
        started.once("error", reject);
        started.once("exit", (code) => {
          reject(new Error(`redis-server has ended with ${code}`));
        });
        started.stdout.on("data", (line: Uint8Array) => {
          if (String(line).includes("Ready to accept connections")) resolve();
        });
      }),
    // Not by the child's own `kill`: Deno's does nothing the second time.
    pause: () => void process.kill(child!.pid!, "SIGSTOP"),
    resume: () => void process.kill(child!.pid!, "SIGCONT"),
  };
  await redis.start();
  return redis;
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
