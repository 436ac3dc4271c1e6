/**
 * A server among others, in a process or a worker of its own: `node.mjs <runtime> <backplane>`, where the latter is "cluster" or
 * "workers". A connection subscribes to the topic that its path names, and publishes to it what it says. Tells its parent the port,
 * then what its backplane tells, such as "gap".
 */

import process from "node:process";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { clusterBackplane, workerBackplane } from "../../dist/cluster.mjs";

const [runtime, kind] = isMainThread ? process.argv.slice(2) : workerData;
const { serve } = await import(`../../dist/${runtime}.mjs`);
const backplane = kind === "cluster" ? clusterBackplane() : workerBackplane();
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
