// This file says what has to run: Redis if it is installed, three nodes, and a balancer in front of them.
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { clusterRelay } from "framewire/cluster";
import { haproxyConfig, nginxConfig } from "./balancer.js";
import { newLog } from "./log.js";
import { findProgram, hasPackage, Missing, needProgram } from "./programs.js";

/** @typedef {import("./service.js").Plan} Plan */
/** @typedef {import("./balancer.js").Node} Node */

const names = ["one", "two", "three"];
const runtimes = ["node", "deno", "bun"];
const serverFile = fileURLToPath(new URL("../server.js", import.meta.url));

/**
 * @param {string} folder Where configurations, sockets and data go.
 * @param {{ runtime: string, balancer: string | undefined, allowKill: boolean, port: number }} wanted
 * @returns {Promise<{ redis: Plan | undefined, nodes: Plan[], balancer: Plan, port: number }>}
 * @throws {Missing}
 */
export async function planAll(folder, { runtime, balancer, allowKill, port: wantedPort }) {
  const redis = planRedis(folder);
  const port = wantedPort === 0 ? await freePort() : wantedPort;
  const nodes = names.map((name) => ({ name, socket: join(folder, `${name}.sock`) }));
  // Without Redis, this process passes on what the nodes publish.
  const relay = redis === undefined ? clusterRelay() : undefined;
  const env = {
    ALLOW_KILL: allowKill ? "1" : "0",
    ...(redis === undefined ? {} : { REDIS_URL: `unix://${redis.address.path}` }),
  };
  return {
    redis,
    nodes: nodes.map(({ name, socket }, index) => ({
      name,
      command: [...commandOf(runtime === "mixed" ? runtimes[index] : runtime), serverFile],
      env: { ...env, NODE_NAME: name, SOCKET: socket },
      address: { path: socket },
      hasChannel: true,
      // A node that was killed has left its socket behind, and nobody can listen there until it is removed.
      prepare: () => rmSync(socket, { force: true }),
      started: (child) => relay?.add(child),
      ...newLog(name),
    })),
    balancer: planBalancer(folder, balancer, port, nodes),
    port,
  };
}

/** @param {string} folder */
function planRedis(folder) {
  const program = findProgram("redis-server");
  if (program === undefined || !hasPackage("redis")) {
    const name = program === undefined ? "redis-server" : "redis (the package)";
    newLog("redis").log(new Missing(name).message);
    return undefined;
  }
  const path = join(folder, "redis.sock");
  // The history is written to a file, so that it is still there when Redis was killed and is started again.
  const kept = ["--appendonly", "yes", "--save", "", "--dir", folder];
  const options = ["--port", "0", "--unixsocket", path, "--loglevel", "warning", ...kept];
  return { name: "redis", command: [program, ...options], address: { path }, ...newLog("redis") };
}

/** @param {string | undefined} runtime */
function commandOf(runtime) {
  if (runtime === "node") return [process.execPath];
  if (runtime === "deno") return [needProgram("deno"), "run", "--no-prompt", "-A"];
  if (runtime === "bun") return [needProgram("bun"), "run"];
  throw new TypeError(`--runtime must be node, deno, bun or mixed: ${runtime}`);
}

/**
 * @param {string} folder
 * @param {string | undefined} wanted
 * @param {number} port
 * @param {readonly Node[]} nodes
 * @returns {Plan}
 */
function planBalancer(folder, wanted, port, nodes) {
  if (wanted !== undefined && wanted !== "haproxy" && wanted !== "nginx")
    throw new TypeError(`--balancer must be haproxy or nginx: ${wanted}`);
  const haproxy = wanted === "nginx" ? undefined : findProgram("haproxy");
  const nginx = wanted === "haproxy" ? undefined : findProgram("nginx");
  const program = haproxy ?? nginx;
  if (program === undefined) throw wanted ? new Missing(wanted) : new Missing("haproxy", "nginx");
  const config = join(folder, "balancer.conf");
  const isHaproxy = program === haproxy;
  const { username } = userInfo();
  writeFileSync(
    config,
    isHaproxy ? haproxyConfig(port, nodes) : nginxConfig(port, nodes, folder, username),
  );
  const name = isHaproxy ? "haproxy" : "nginx";
  const command = isHaproxy
    ? [program, "-db", "-f", config]
    : [program, "-e", "stderr", "-c", config];
  return { name, command, address: { port, host: "127.0.0.1" }, ...newLog(name) };
}

/**
 * Finds a port that nobody listens on, since a balancer does not say which one it was given for 0.
 *
 * @returns {Promise<number>}
 */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}
