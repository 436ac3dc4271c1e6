import type { ChildProcess } from "node:child_process";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clusterBackplane, clusterRelay, workerBackplane } from "../../adapters/cluster/index.ts";
import { ensureBuilt, runtimeCommand } from "../../scripts/built.mjs";
import { describeBackplane, nodesOf } from "../support/backplane-suite.ts";
import {
  type ChildNode,
  describeRuntimes,
  killChild,
  listenAt,
  type Serialization,
  startNode,
  startRelay,
} from "../support/processes.ts";
import { startProgram } from "../support/program.ts";
import { nameOf } from "../support/server.ts";
import { runtime } from "../support/runtime.ts";

beforeAll(() => {
  ensureBuilt();
});

describe.each<Serialization>(["json", "advanced"])("a relay, by %s serialization", (kind) => {
  let relay: ChildProcess;

  beforeAll(async () => {
    relay = await startRelay(kind);
  });

  afterAll(() => killChild(relay));

  describeBackplane("clusterBackplane()", () => clusterBackplane({ channel: relay }));
});

describe("a relay that fails", () => {
  let relay: ChildProcess;
  const { start } = nodesOf(() => clusterBackplane({ channel: relay }));

  beforeEach(async () => {
    relay = await startRelay("advanced");
  });

  afterEach(() => killChild(relay));

  it("holds nobody up where it stands still, and memory is bounded", async () => {
    const quick = { timeout: 400, maxWaiting: 1_000_000 };
    const [a, b] = await Promise.all([start(quick), start(quick)]);
    const [here, there] = await Promise.all([a.listen("tea"), b.listen("tea")]);
    process.kill(relay.pid!, "SIGSTOP");
    try {
      const { ws } = await a.listen("tea");
      for (let at = 0; at < 40; at++) await ws.send("x".repeat(50_000));
      await expect.poll(() => here.heard.length).toBe(40);
      expect(a.server.backplane!.counters.waiting).toBeLessThan(1_000_000);
      await expect.poll(() => a.server.backplane!.state).toBe("down");
    } finally {
      process.kill(relay.pid!, "SIGCONT");
    }
    await expect.poll(() => a.server.backplane!.counters.waiting).toBe(0);
    await expect.poll(() => a.server.backplane!.state).toBe("up");
    await a.server.publish("tea", "on").carried;
    await expect.poll(() => there.heard.at(-1)).toBe("on");
    expect(there.heard.length).toBeLessThan(41);
    expect(b.events).toContain("gap");
    expect([a.errors, b.errors]).toEqual([[], []]);
  });

  it("leaves each server with its own subscribers where it is gone, and they are told", async () => {
    const [a, b] = await Promise.all([start(), start()]);
    const [one, other] = await Promise.all([a.listen("tea"), a.listen("tea")]);
    await killChild(relay);
    for (const { events } of [a, b]) await expect.poll(() => events).toEqual(["down DOWN"]);
    await one.ws.send("still");
    await expect.poll(() => other.heard).toEqual(["still"]);
    const { carried } = a.server.publish("tea", "late");
    const ended = carried.catch(nameOf);
    await a.server.shutdown({ deadline: 1000 });
    expect(await ended).toBe("LEFT");
    expect(a.errors).toEqual([]);
  });

  it("lets servers shut down in time where it stands still", async () => {
    const [a] = await Promise.all([start()]);
    await a.listen("tea");
    process.kill(relay.pid!, "SIGSTOP");
    const { carried } = a.server.publish("tea", "x");
    const ended = carried.catch(nameOf);
    expect(await a.server.shutdown({ deadline: 500 })).toEqual({ closed: 1, dropped: 0 });
    expect(await ended).toMatch(/DOWN|LEFT/);
  });

  it("refuses a server that comes when it is gone", async () => {
    await killChild(relay);
    await expect(start()).rejects.toThrow("The channel to the relay is closed");
  });
});

describe("children of one parent", () => {
  const patient = { timeout: 10_000, interval: 5 };
  const children: ChildProcess[] = [];
  const relay = clusterRelay(undefined, { maxWaiting: 1_000_000 });
  const startHere = (by = runtime, kind: Serialization = "advanced"): Promise<ChildNode> =>
    startNode(by, kind, (child) => {
      children.push(child);
      relay.add(child);
    });

  afterEach(async () => {
    await Promise.all(children.splice(0).map(killChild));
  });

  it("are told of a gap where they are too slow, and hold up nobody else", async () => {
    const [a, slow, fast] = await Promise.all([startHere(), startHere(), startHere()]);
    const [{ ws }, there, here] = await Promise.all([
      a.listen("tea"),
      slow.listen("tea"),
      fast.listen("tea"),
    ]);
    process.kill(slow.child.pid!, "SIGSTOP");
    try {
      // No more at a time than may wait for one that is not slow.
      for (let at = 0; at < 60; at++) {
        await ws.send(`${at} `.padEnd(100_000, "x"));
        if (at % 5 === 4) await expect.poll(() => here.heard.length, patient).toBe(at + 1);
      }
    } finally {
      process.kill(slow.child.pid!, "SIGCONT");
    }
    await expect.poll(() => slow.events, patient).toContain("gap");
    await ws.send("on");
    await expect.poll(() => there.heard.at(-1), patient).toBe("on");
    expect(there.heard.length).toBeLessThan(40);
    expect(fast.events).toEqual([]);
  });

  it("go on without one that has died", async () => {
    const [a, dying, c] = await Promise.all([startHere(), startHere(), startHere()]);
    const [{ ws }, , { heard }] = await Promise.all([
      a.listen("tea"),
      dying.listen("tea"),
      c.listen("tea"),
    ]);
    await killChild(dying.child);
    await ws.send("on");
    await expect.poll(() => heard).toEqual(["on"]);
    const { heard: again } = await (await startHere()).listen("tea");
    await ws.send("more");
    await expect.poll(() => again).toEqual(["more"]);
  });

  it.runIf(runtime === "node")("may be workers of node:cluster", async () => {
    const primary = startProgram([...runtimeCommand("node"), "test/support/cluster-primary.mjs"]);
    try {
      const [, port] = await primary.line(/^port (\d+)$/m);
      // The primary gives connections to its workers in turns.
      const [a, b] = await Promise.all([0, 1].map(() => listenAt(Number(port), "tea")));
      await a!.ws.send("hot");
      await expect.poll(() => b!.heard).toEqual(["hot"]);
      expect(a!.heard).toEqual([]);
      a!.ws.terminate();
      b!.ws.terminate();
    } finally {
      await primary.stop();
    }
  });

  describeRuntimes(() => ["cluster"], relay);
});

describe("workers of one process", () => {
  describeBackplane("workerBackplane()", () => workerBackplane());

  it("hear each other", async () => {
    const workers = [0, 1].map(
      () =>
        new Worker(new URL("../support/node.mjs", import.meta.url), {
          workerData: [runtime, "workers"],
        }),
    );
    try {
      const ports = await Promise.all(
        workers.map(
          (worker) =>
            new Promise<number>((resolve, reject) => {
              worker.once("message", ({ port }: { readonly port: number }) => {
                resolve(port);
              });
              worker.once("error", reject);
            }),
        ),
      );
      const [a, b] = await Promise.all(ports.map((port) => listenAt(port, "tea")));
      await a!.ws.send("hot");
      await a!.ws.send(Uint8Array.of(0, 255));
      await expect.poll(() => b!.heard).toEqual(["hot", Uint8Array.of(0, 255)]);
      a!.ws.terminate();
      b!.ws.terminate();
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  });
});
