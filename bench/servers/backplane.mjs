/**
 * One of two processes that are joined by a backplane, or by a broker's client as it is:
 * `backplane.mjs <runtime> <driver> <"framewire" or "bare"> <"first" or "second"> <port>`. Says "ready"; then the first does what lines
 * tell it, and the second answers it over the broker. Of "local" and "workers" the first is both.
 */

import { createInterface } from "node:readline";
import { setImmediate } from "node:timers";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { clusterBackplane, workerBackplane } from "../../dist/cluster.mjs";
import { localBackplane } from "../../dist/index.mjs";
import { memoryNetwork } from "../../dist/memory.mjs";
import { natsBackplane, natsStreams } from "../../dist/nats.mjs";
import { postgresBackplane } from "../../dist/postgres.mjs";
import { redisBackplane, redisStreams } from "../../dist/redis.mjs";
import { bare } from "./lines.mjs";

const [runtime, driver, way, place, port] = isMainThread ? process.argv.slice(2) : workerData;

/** What a message begins with: to be counted, to be answered, or the last one, which is answered with how many have come. */
const [counted, answered, last] = [0, 1, 2];
/** Messages that are given at once. */
const batch = 64;

const nodeRedis = async () => {
  const { createClient } = await import("redis");
  return createClient({ url: `redis://127.0.0.1:${port}` });
};
const ioRedis = async () => {
  const { Redis } = await import("ioredis");
  return new Redis({ port, lazyConnect: true });
};
const nats = async (name) =>
  natsBackplane((await import(name)).connect, { servers: `127.0.0.1:${port}` });
const natsKeeping = async (name) =>
  natsStreams(await import(name), { servers: `127.0.0.1:${port}` });
const shared = localBackplane();
const backplanes = {
  local: () => shared,
  cluster: clusterBackplane,
  workers: workerBackplane,
  "redis by node-redis": async () => redisBackplane(await nodeRedis()),
  "redis by ioredis": async () => redisBackplane(await ioRedis()),
  "redis streams by node-redis": async () => redisStreams(await nodeRedis()),
  "redis streams by ioredis": async () => redisStreams(await ioRedis()),
  "nats by nats.js 2": () => nats("nats"),
  "nats by nats.js 3": () => nats("@nats-io/transport-node"),
  "nats streams by nats.js 2": () => natsKeeping("nats"),
  "nats streams by nats.js 3": () => natsKeeping("@nats-io/transport-node"),
  postgres: async () => {
    const { Client } = (await import("pg")).default;
    const options = { host: "127.0.0.1", port, user: "bench", database: "postgres" };
    return postgresBackplane(() => new Client(options));
  },
};

/** A server of framewire, with one subscriber for each topic, whose connection is in memory. */
async function framewire() {
  const network = memoryNetwork();
  const server = await network.serve(
    { port: 80, backplane: await backplanes[driver]() },
    {
      async open(ws) {
        await ws.subscribe(ws.target.slice(1));
        await ws.send("ready");
      },
    },
  );
  return {
    async subscribe(topic, heard) {
      await new Promise((resolve) => {
        void network.connect(
          `ws://bench/${topic}`,
          {},
          { message: (_, data) => (data === "ready" ? resolve() : heard(data)) },
        );
      });
    },
    publishAll: (topic, bytes, count) =>
      Promise.all(Array.from({ length: count }, () => server.publish(topic, bytes).carried)),
  };
}

function newLine() {
  return way === "framewire" ? framewire() : bare[driver](port);
}

/** The second: it counts, and answers. */
async function answer() {
  const line = await newLine();
  let count = 0;
  await line.subscribe("there", (bytes) => {
    count++;
    if (bytes[0] === counted) return;
    const reply = new Uint8Array(bytes.length);
    new DataView(reply.buffer).setUint32(0, count);
    if (bytes[0] === last) count = 0;
    void line.publishAll("back", reply, 1);
  });
}

/** The first: it measures. */
async function measure() {
  const line = await newLine();
  let heard;
  await line.subscribe("back", (bytes) =>
    heard(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)),
  );

  const exchange = async (kind, size) => {
    const answer = new Promise((resolve) => (heard = resolve));
    await line.publishAll("there", message(kind, size), 1);
    return answer;
  };

  /** So many milliseconds long as much as goes; then all has come that was sent. */
  const flood = async ({ size, milliseconds }) => {
    const bytes = message(counted, size);
    const start = performance.now();
    let sent = 1;
    for (; performance.now() - start < milliseconds; sent += batch) {
      await line.publishAll("there", bytes, batch);
      // Where nothing is waited for, the event loop has its turn nevertheless.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const messages = await exchange(last, size);
    if (messages !== sent) throw new Error(`${messages} of ${sent} messages have come`);
    return { messages, seconds: (performance.now() - start) / 1000 };
  };

  /** One message at a time, there and back: milliseconds of each, in their order. */
  const ping = async ({ size, milliseconds }) => {
    const times = [];
    for (const end = performance.now() + milliseconds; performance.now() < end;) {
      const start = performance.now();
      await exchange(answered, size);
      times.push(performance.now() - start);
    }
    await exchange(last, size);
    return { times: times.sort((a, b) => a - b) };
  };

  for await (const text of createInterface({ input: process.stdin })) {
    const { act, ...options } = JSON.parse(text);
    console.log(JSON.stringify(await { flood, ping }[act](options)));
  }
}

/** A message of a kind, in an ArrayBuffer of its own. */
function message(kind, size) {
  const bytes = new Uint8Array(size).fill(7);
  bytes[0] = kind;
  return bytes;
}

async function inWorker() {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: [runtime, driver, way, "second", port],
  });
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

if (place === "second") {
  await answer();
  if (isMainThread) {
    console.log('"ready"');
    process.stdin.resume();
  } else {
    // Nothing else keeps it alive: its connection is in memory.
    parentPort.on("message", () => {});
    parentPort.postMessage("ready");
  }
} else {
  if (driver === "workers") await inWorker();
  if (driver === "local") await answer();
  const measuring = measure();
  console.log('"ready"');
  await measuring;
}
