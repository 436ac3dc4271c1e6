import { availableParallelism } from "node:os";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterRelay } from "framewire/cluster";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

// Milliseconds before another process is started in the place of one that has crashed: twice as long each time, so that one that
// cannot start does not turn in circles. One that has lived for the longest pause begins again with the shortest.
const [shortestPause, longestPause] = [100, 10_000];

/**
 * Asks a process to stop. Deno's own `child.kill` would take the channel away at once, over which topics go until it has stopped.
 *
 * @param {ChildProcess} child
 */
const end = ({ pid }) => void (pid !== undefined && process.kill(pid, "SIGTERM"));

/**
 * Starts processes that share a port, prints its address when all listen, and carries between them what they publish. Where one
 * crashes it starts another one; at SIGHUP it replaces all of them, one after the other.
 *
 * @param {(port: number) => ChildProcess} start Starts one that listens on `port` and tells its parent on which.
 */
export async function startShares(start) {
  const count = Number(process.env.PROCESSES ?? availableParallelism());
  /** Those that serve. @type {Set<ChildProcess>} */
  const children = new Set();
  /** Those that run; the ones that do not serve any more are told to stop. @type {Set<ChildProcess>} */
  const running = new Set();
  const relay = clusterRelay();
  let port = Number(process.env.PORT ?? 8080);
  let pause = shortestPause;
  let isStopping = false;

  /** Starts a process. @returns {Promise<void>} Resolves when it listens, rejects where it ends before. */
  const add = () =>
    new Promise((resolve, reject) => {
      const child = start(port);
      const began = performance.now();
      running.add(child);
      relay.add(child); // what one child publishes goes to the others
      child.on("message", (/** @type {any} */ message) => {
        if (!("port" in message)) return;
        port = message.port; // the first one finds it, where 0 asks for any
        children.add(child);
        console.log(`process ${child.pid} listens`);
        resolve();
      });
      child.on("exit", (code, signal) => {
        running.delete(child);
        const hasServed = children.delete(child);
        console.log(`process ${child.pid} is gone, ${children.size} serve`);
        if (isStopping && running.size === 0) process.exit(0);
        reject(new Error(`process ${child.pid} ended with ${signal ?? code} before it listened`));
        if (performance.now() - began > longestPause) pause = shortestPause;
        if (hasServed) void replaceCrashed();
      });
    });

  async function replaceCrashed() {
    while (!isStopping) {
      await sleep(pause);
      pause = Math.min(2 * pause, longestPause);
      if (isStopping) return;
      try {
        return await add();
      } catch (error) {
        console.error(error);
      }
    }
  }

  let isReplacing = false;
  async function replaceAll() {
    if (isReplacing) return;
    isReplacing = true;
    try {
      for (const old of [...children]) {
        if (isStopping) return;
        await add(); // before the old one stops: the port is never without one who listens
        if (!children.delete(old)) continue; // it has crashed meanwhile, and is replaced for that
        const gone = new Promise((resolve) => old.once("exit", resolve));
        end(old);
        await gone;
      }
      console.log("all are replaced");
    } catch (error) {
      console.error(error); // the old ones go on
    } finally {
      isReplacing = false;
    }
  }

  process.on("SIGHUP", replaceAll);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      isStopping = true;
      for (const child of running) end(child);
      if (running.size === 0) process.exit(0);
    });
  }
  await add();
  await Promise.all(Array.from({ length: count - 1 }, add));
  console.log(`${count} processes on ws://localhost:${port}`);
}
