/**
 * A server among others, in a process or a worker of its own: `node.mjs <runtime> <backplane> [port]`, where the second is "cluster",
 * "workers", or "redis", "nats" or "postgres" at that port. A connection subscribes to the topic that its path names, and publishes to it what it
 * says. Tells its parent the port, then what its backplane tells, such as "gap".
 */

import process from "node:process";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { clusterBackplane, workerBackplane } from "../../dist/cluster.mjs";
import { natsBackplane } from "../../dist/nats.mjs";
import { postgresBackplane } from "../../dist/postgres.mjs";
import { redisBackplane } from "../../dist/redis.mjs";

const [runtime, kind, port] = isMainThread ? process.argv.slice(2) : workerData;
const { serve } = await import(`../../dist/${runtime}.mjs`);
const backplanes = {
  cluster: clusterBackplane,
  workers: workerBackplane,
  redis: async () => {
    const { createClient } = await import("redis");
    return redisBackplane(createClient({ url: `redis://127.0.0.1:${port}` }));
  },
  nats: async () => {
    const { connect } = await import("@nats-io/transport-node");
    return natsBackplane(connect, { servers: `127.0.0.1:${port}` });
  },
  postgres: async () => {
    const { Client } = (await import("pg")).default;
    const options = { host: "127.0.0.1", port, user: "tea", database: "postgres" };
    return postgresBackplane(() => new Client(options));
  },
};
const backplane = await backplanes[kind]();
const tell = (message) => {
  if (parentPort === null) process.send(message);
  else parentPort.postMessage(message);
};

const server = await serve(
  { port: 0, hostname: "127.0.0.1", backplane },
  {
    async open(ws) {
      await ws.subscribe(ws.target.slice(1));
      await ws.send("ready");
    },
    message: (ws, data) => ws.publish(ws.topics[0], data),
    backplane: ({ type }) => tell({ event: type }),
  },
);
if (isMainThread) process.on("disconnect", () => process.exit(0));
tell({ port: server.port });
