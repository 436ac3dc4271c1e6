/**
 * Joins servers in the processes of one machine, over the channels between a parent and its children; and servers in the workers
 * of one process.
 *
 * @example
 * import cluster from "node:cluster";
 * import { serve } from "framewire/node";
 * import { clusterBackplane, clusterRelay } from "framewire/cluster";
 *
 * if (cluster.isPrimary) {
 *   clusterRelay(cluster);
 *   for (let worker = 0; worker < 4; worker++) cluster.fork();
 * } else {
 *   await serve({ port: 8080, backplane: clusterBackplane() }, { open: (ws) => ws.subscribe("news") });
 * }
 *
 * @module framewire/cluster
 */

export { clusterBackplane, type ClusterBackplaneOptions } from "./backplane.ts";
export type { ClusterChannel } from "./letters.ts";
export {
  clusterRelay,
  type ClusterPrimary,
  type ClusterRelay,
  type ClusterRelayOptions,
} from "./relay.ts";
export { workerBackplane, type WorkerBackplaneOptions } from "./workers.ts";
