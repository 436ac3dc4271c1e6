/**
 * Brokers that benchmarks start, each on a port of its own.
 */

import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const commands = {
  redis: (port) => ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", ""],
  nats: (port) => ["nats-server", "-a", "127.0.0.1", "-p", port],
};

/** A NATS that keeps streams, and the folder for them. */
function newJetStream() {
  const folder = mkdtempSync(join(tmpdir(), "framewire-bench-"));
  return { folder, command: (port) => [...commands.nats(port), "-js", "-sd", folder] };
}
/** What they say when they can be connected to. */
const ready = /[Rr]eady to accept connections|Server is ready/;

/** Debian has the programs of PostgreSQL in a folder for each version. */
const versions = "/usr/lib/postgresql";

/** PostgreSQL refuses to be run by root: Debian's package comes with a user for it. */
function asUser(command) {
  if (process.getuid() !== 0) return command;
  return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command];
}

/** A folder with an empty PostgreSQL, and what starts it. */
function newPostgres() {
  const version = existsSync(versions) ? readdirSync(versions).at(-1) : undefined;
  const program = (name) => (version === undefined ? name : join(versions, version, "bin", name));
  const folder = mkdtempSync(join(tmpdir(), "framewire-bench-"));
  if (process.getuid() === 0) {
    const [uid, gid] = ["-u", "-g"].map((of) => Number(execFileSync("id", [of, "postgres"])));
    chownSync(folder, uid, gid);
  }
  const data = join(folder, "data");
  const options = ["-D", data, "-U", "bench", "--auth", "trust", "--no-sync"];
  const [initdb, ...args] = asUser([program("initdb"), ...options]);
  execFileSync(initdb, args, { stdio: ["ignore", "ignore", "inherit"] });
  return {
    folder,
    command: (port) =>
      asUser([program("postgres"), "-D", data, "-p", port, "-h", "127.0.0.1", "-k", folder, "-F"]),
  };
}

/** Those that keep something. */
const inFolder = { postgres: newPostgres, jetstream: newJetStream };

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a broker.
 *
 * @param name "redis", "nats", "jetstream" (a NATS that keeps streams) or "postgres".
 * @returns Its port, and what stops it.
 */
export async function startBroker(name) {
  const port = await freePort();
  const { folder, command } = inFolder[name]?.() ?? { command: commands[name] };
  const [program, ...args] = command(String(port));
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const end = () => {
    child.kill("SIGKILL");
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  };
  process.once("exit", end);
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} has ended with ${code}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (line) => {
        if (ready.test(String(line))) resolve();
      });
    }
  });
  return {
    port,
    stop() {
      process.off("exit", end);
      end();
    },
  };
}
