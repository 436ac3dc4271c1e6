// Chat rooms on three nodes, with a balancer in front of them and Redis between them. Run `npm run example:rooms`, and open the
// address that it prints in some tabs. Ctrl-C stops everything. SIGHUP replaces the nodes, one after the other. This file runs on
// Node; the option --runtime says what the nodes run on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { newLog } from "./run/log.js";
import { planAll } from "./run/plans.js";
import { Service } from "./run/service.js";

const usage = `Options:
  --runtime node|deno|bun|mixed  what the nodes run on, mixed for one on each; node where it is left out
  --balancer haproxy|nginx       what stands in front of them; the first that is installed
  --allow-kill                   the page has a button that kills the node it is on
The page is on PORT, 8080 where the environment has none.`;

const { log } = newLog("start");
// Only this user can read the folder, and all sockets but the balancer's are in it. So nobody can reach the nodes, or Redis, past
// the balancer.
const folder = mkdtempSync(join(tmpdir(), "rooms-"));
/** Groups of programs, in the order in which they are started: Redis, the nodes, the balancer. @type {Service[][]} */
const started = [];
/** @type {"running" | "replacing" | "stopping"} */
let state = "running";
const isStopping = () => state === "stopping";

/**
 * Stops the nodes first, so that they can tell their clients. Then it stops the balancer, then Redis.
 *
 * @param {number} code
 */
async function stop(code) {
  if (isStopping()) {
    // This is the second Ctrl-C: do not wait.
    for (const service of started.flat()) service.kill();
    return;
  }
  state = "stopping";
  const [redis = [], nodes = [], balancer = []] = started;
  for (const services of [nodes, balancer, redis]) {
    await Promise.all(services.map((service) => service.stop()));
  }
  rmSync(folder, { recursive: true, force: true });
  log("all is stopped");
  process.exit(code);
}

async function start() {
  const { values } = parseArgs({
    options: {
      runtime: { type: "string", default: "node" },
      balancer: { type: "string" },
      "allow-kill": { type: "boolean", default: false },
    },
  });
  const { redis, nodes, balancer, port } = await planAll(folder, {
    runtime: values.runtime,
    balancer: values.balancer,
    allowKill: values["allow-kill"],
    port: Number(process.env.PORT ?? 8080),
  });
  if (redis === undefined) log("no history without Redis: the nodes are joined by this process");
  for (const plans of [redis === undefined ? [] : [redis], nodes, [balancer]]) {
    if (isStopping()) return;
    const services = plans.map((plan) => new Service(plan));
    started.push(services);
    await Promise.all(services.map((service) => service.start()));
  }
  if (isStopping()) return;
  log(`kill -HUP ${process.pid} replaces the nodes, one after the other`);
  console.log(`rooms on http://localhost:${port}`);
}

async function replaceNodes() {
  if (state !== "running") return;
  state = "replacing";
  for (const node of started[1] ?? []) {
    if (!isStopping()) await node.stop();
    if (!isStopping()) await node.start();
  }
  if (isStopping()) return;
  state = "running";
  log("all nodes are replaced");
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void stop(0));
process.on("SIGHUP", () => {
  replaceNodes().catch((error) => {
    console.error(String(error));
    void stop(1);
  });
});
try {
  await start();
} catch (error) {
  if (isStopping()) await new Promise(() => {}); // The start has failed because of stop(), which ends the process.
  const isMisuse = String(Object(error).code).startsWith("ERR_PARSE_ARGS");
  console.error(String(error));
  if (isMisuse) console.error(usage);
  await stop(1);
}
