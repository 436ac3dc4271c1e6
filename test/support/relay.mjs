/**
 * The relay of framewire/cluster in a process of its own: what a parent does for its children it does for the process that has started
 * it, which may have several servers. `relay.mjs [maxWaiting]`; says "ready".
 */

import process from "node:process";
import { clusterRelay } from "../../dist/cluster.mjs";

const [, , maxWaiting] = process.argv;
clusterRelay(undefined, { maxWaiting: maxWaiting && Number(maxWaiting) }).add(process);
process.on("disconnect", () => process.exit(0));
process.send("ready");
