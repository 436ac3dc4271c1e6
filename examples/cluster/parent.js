import { availableParallelism } from "node:os";
import process from "node:process";
import { clusterRelay } from "framewire/cluster";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

/**
 * Starts processes that share a port, prints its address when all listen, and carries between them what they publish.
 *
 * @param {(port: number) => ChildProcess} start Starts one that listens on `port` and tells its parent on which.
 */
export async function startShares(start) {
  const count = Number(process.env.PROCESSES ?? availableParallelism());
  /** @type {Set<ChildProcess>} */
  const children = new Set();
  const relay = clusterRelay();
  let isStopping = false;

  /** @param {number} port */
  const listening = (port) =>
    new Promise((resolve) => {
      const child = start(port);
      children.add(child);
      relay.add(child); // what one child publishes goes to the others
      child.on("message", (/** @type {any} */ message) => {
        if (!("port" in message)) return;
        console.log(`process ${child.pid} listens`);
        resolve(message.port);
      });
      child.on("exit", () => {
        children.delete(child);
        console.log(`process ${child.pid} is gone, ${children.size} serve`);
        if (children.size === 0) process.exit(isStopping ? 0 : 1);
      });
    });

  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      isStopping = true;
      for (const child of children) child.kill("SIGTERM");
    });
  }
  // The first one finds the port, where 0 asks for any.
  const port = await listening(Number(process.env.PORT ?? 8080));
  await Promise.all(Array.from({ length: count - 1 }, () => listening(port)));
  console.log(`${count} processes on ws://localhost:${port}`);
}
