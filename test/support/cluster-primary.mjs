/**
 * The primary of a node:cluster, with a server in each of two workers; prints their port, which they share. They are told of each other
 * by the one line that the documents have.
 */

import cluster from "node:cluster";
import { clusterRelay } from "../../dist/cluster.mjs";

clusterRelay(cluster);
cluster.setupPrimary({ exec: "test/support/node.mjs", args: ["node", "cluster"] });
let ready = 0;
for (const worker of [cluster.fork(), cluster.fork()]) {
  worker.on("message", ({ port }) => {
    if (port !== undefined && ++ready === 2) console.log(`port ${port}`);
  });
}
