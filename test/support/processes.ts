import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ClusterRelay } from "../../adapters/cluster/index.ts";
import { ensureBuilt, root, runtimeCommand } from "../../scripts/built.mjs";
import type { Connection } from "../../src/connection/connection.ts";
import type { Data } from "../../src/connection/data.ts";
import { adapter } from "./adapter.ts";
import { atExit } from "./at-exit.ts";
import { type Runtime, runtime } from "./runtime.ts";

/** How messages go over a channel between processes. */
export type Serialization = "json" | "advanced";

/** Starts a program of test/support with a channel to it. A run that is cut short leaves none behind. */
function startChild(
  by: Runtime,
  serialization: Serialization,
  ...args: readonly string[]
): ChildProcess {
  const [program, ...first] = runtimeCommand(by) as [string, ...string[]];
  const child = spawn(program, [...first, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization,
  });
  const end = (): void => void child.kill("SIGKILL");
  child.once("exit", atExit(end));
  return child;
}

/** Ends a child at once, and waits for that. */
export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // Not by the child's own `kill`: Deno's does nothing the second time.
  process.kill(child.pid!, "SIGKILL");
  await ended;
}

/** Starts a relay in another process; what leads to it is a channel for `clusterBackplane`. */
export async function startRelay(serialization: Serialization): Promise<ChildProcess> {
  const child = startChild(runtime, serialization, "test/support/relay.mjs");
  await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", reject);
  });
  return child;
}

/** A server in a child of this process. */
export interface ChildNode {
  readonly child: ChildProcess;
  /** What its backplane has told. */
  readonly events: string[];
  /** Connects to it, as `Node.listen` of the suite does. */
  listen(topic: string): Promise<{ readonly ws: Connection; readonly heard: Data[] }>;
}

/**
 * Starts one.
 *
 * @param add What is done with its channel before it can say anything.
 * @param backplane Its kind, and what that needs.
 * @param program What it runs.
 */
export async function startNode(
  by: Runtime,
  serialization: Serialization,
  add: (child: ChildProcess) => void,
  backplane: readonly string[] = ["cluster"],
  program = "test/support/node.mjs",
): Promise<ChildNode> {
  const child = startChild(by, serialization, program, by, ...backplane);
  add(child);
  const events: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    child.on("message", (message: { readonly port?: number; readonly event?: string }) => {
      if (message.port !== undefined) resolve(message.port);
      if (message.event !== undefined) events.push(message.event);
    });
    child.once("exit", reject);
  });
  return { child, events, listen: (topic) => listenAt(port, topic) };
}

/** Connects to a server of test/support/node.mjs, and waits until its topic is subscribed to. */
export async function listenAt(
  port: number,
  topic: string,
): Promise<{ readonly ws: Connection; readonly heard: Data[] }> {
  const ws = await adapter.connect(`ws://127.0.0.1:${port}/${topic}`);
  expect(await ws.receive()).toBe("ready");
  const heard: Data[] = [];
  void (async () => {
    for await (const data of ws) heard.push(data);
  })().catch(() => {});
  return { ws, heard };
}

/** What holds of a group whose nodes are processes of the three runtimes. Of Node's run alone: it starts the others. */
export function describeRuntimes(backplane: () => readonly string[], relay?: ClusterRelay): void {
  describe.runIf(runtime === "node")("processes of three runtimes", () => {
    const children: ChildProcess[] = [];

    beforeAll(() => {
      ensureBuilt();
    });

    afterEach(async () => {
      await Promise.all(children.splice(0).map(killChild));
    });

    it("hear each other", async () => {
      const add = (child: ChildProcess): void => {
        children.push(child);
        relay?.add(child);
      };
      const runtimes = ["node", "deno", "bun"] as const;
      const nodes = await Promise.all(
        runtimes.map((by) => startNode(by, "json", add, backplane())),
      );
      const listeners = await Promise.all(nodes.map(({ listen }) => listen("tea")));
      for (const [at, { ws }] of listeners.entries()) {
        await ws.send(`from ${runtimes[at]}`);
        await ws.send(Uint8Array.of(at, 0, 255));
      }
      for (const [at, { heard }] of listeners.entries()) {
        await expect.poll(() => heard.length).toBe(4);
        const others = [0, 1, 2].filter((other) => other !== at);
        expect(heard).toEqual(
          expect.arrayContaining(
            others.flatMap((other) => [`from ${runtimes[other]}`, Uint8Array.of(other, 0, 255)]),
          ),
        );
      }
      for (const { ws } of listeners) ws.terminate();
    });
  });
}
