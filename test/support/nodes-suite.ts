import type { ChildProcess } from "node:child_process";
import process from "node:process";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ClusterRelay } from "../../adapters/cluster/index.ts";
import { ensureBuilt } from "../../scripts/built.mjs";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { joinNodes, type Nodes } from "../../src/nodes/nodes.ts";
import { type Presence, presenceOf } from "../../src/nodes/presence/presence.ts";
import { adapter } from "./adapter.ts";
import type { TestBroker } from "./broker.ts";
import { killChild, startNode } from "./processes.ts";
import { runtime } from "./runtime.ts";

const patient = { timeout: 15_000, interval: 50 };

/** A server of this process, with nodes and presence. */
interface Started {
  readonly name: string;
  readonly server: Server;
  readonly nodes: Nodes;
  readonly presence: Presence;
  /** "joined b", "left b left", "message data", "+key", "-key". */
  readonly events: string[];
  /** Connects a client that is in "tea" by a key. */
  enter(key: string): Promise<Connection>;
}

async function start(backplane: Backplane, name: string): Promise<Started> {
  const events: string[] = [];
  const nodes = joinNodes(
    backplane,
    { info: name, heartbeat: 200, silence: 3000 },
    {
      joined: ({ info }) => void events.push(`joined ${String(info)}`),
      left: ({ info }, why) => void events.push(`left ${String(info)} ${why}`),
      message: (data) => void events.push(`message ${String(data)}`),
      request: (data) => `${name}: ${String(data)}`,
    },
  );
  const presence = presenceOf(
    nodes,
    {},
    {
      joined: (_, { key }) => void events.push(`+${key}`),
      left: (_, { key }) => void events.push(`-${key}`),
    },
  );
  const server = await adapter.serve(
    { port: 0, hostname: "127.0.0.1", backplane: nodes },
    {
      async open(ws) {
        await ws.subscribe("tea");
        await presence.enter(ws, "tea", ws.target.slice(1), { of: name });
        await ws.send("ready");
      },
      // It goes away in some tests: the state of nodes tells.
      backplane() {},
    },
  );
  const enter = async (key: string): Promise<Connection> => {
    const ws = await adapter.connect(`ws://127.0.0.1:${server.port}/${key}`);
    expect(await ws.receive()).toBe("ready");
    return ws;
  };
  return { name, server, nodes, presence, events, enter };
}

const keysOf = ({ presence }: Started): string[] =>
  presence
    .list("tea")
    .map(({ key, connections }) => `${key} ${connections}`)
    .sort();

/** What holds of nodes and presence over a driver, with servers of this process. */
export function describeNodes(
  name: string,
  newBackplane: () => Backplane | Promise<Backplane>,
  broker?: () => TestBroker,
): void {
  describe(`nodes over ${name}`, () => {
    const all: Started[] = [];

    const three = async (): Promise<[Started, Started, Started]> => {
      for (const each of ["a", "b", "c"]) all.push(await start(await newBackplane(), each));
      for (const { nodes } of all) await expect.poll(() => nodes.list().length, patient).toBe(3);
      return [...all] as [Started, Started, Started];
    };

    afterEach(async () => {
      await Promise.all(all.splice(0).map(({ server }) => server.shutdown({ deadline: 300 })));
    });

    it("know each other, send, ask and count, and one that shuts down says so", async () => {
      const [a, b, c] = await three();
      await Promise.all([a.enter("ann"), b.enter("bob"), b.enter("bob")]);
      expect(a.nodes.id).toBe(a.server.backplane!.id);
      expect(await c.nodes.count("tea")).toEqual({ count: 3, nodes: 3, missing: [] });
      const replies = await a.nodes.request("hello");
      expect(replies.map(({ data }) => data).sort()).toEqual(["b: hello", "c: hello"]);
      await a.nodes.send("all");
      await a.nodes.send(Uint8Array.of(1, 2), { to: c.nodes.id });
      const heard = ({ events }: Started): string[] =>
        events.filter((event) => event.startsWith("message"));
      await expect.poll(() => heard(c), patient).toEqual(["message all", "message 1,2"]);
      await expect.poll(() => heard(b), patient).toEqual(["message all"]);
      await b.server.shutdown({ deadline: 300 });
      await expect.poll(() => a.events.at(-1), patient).toBe("left b left");
      expect(await a.nodes.request("?", { to: b.nodes.id })).toMatchObject([
        { error: { code: "GONE" } },
      ]);
    });

    it("agree on who is there, whichever way connections end", async () => {
      const [a, b, c] = await three();
      void c.presence.watch("tea");
      const [one, two, three_] = await Promise.all([
        a.enter("ann"),
        b.enter("ann"),
        b.enter("bob"),
      ]);
      for (const node of [a, b, c]) {
        await expect.poll(() => keysOf(node), patient).toEqual(["ann 2", "bob 1"]);
      }
      await one.close();
      three_.terminate();
      for (const node of [b, c]) await expect.poll(() => keysOf(node), patient).toEqual(["ann 1"]);
      await two.close();
      await expect.poll(() => keysOf(c), patient).toEqual([]);
      const told = c.events.filter((event) => /^[+-]/.test(event));
      expect([...told].sort()).toEqual(["+ann", "+bob", "-ann", "-bob"]);
      expect(told.at(-1)).toBe("-ann");
      expect((await a.presence.gather("tea")).members).toEqual([]);
    });

    it("do not let clients hear what they say, or speak as one", async () => {
      const [a, b] = await three();
      const client = await a.enter("eve");
      const [ws] = a.server.connections;
      const heard: unknown[] = [];
      void (async () => {
        for await (const data of client) heard.push(data);
      })().catch(() => {});
      await Promise.all(
        ["$framewire:nodes", `$framewire:node:${a.nodes.id}`].map((t) => ws!.subscribe(t)),
      );
      const { dropped, received } = a.nodes.counters;
      const { carried } = b.server.publish("$framewire:nodes", "I am a node");
      await expect(carried).rejects.toMatchObject({ code: "REFUSED" });
      await b.nodes.send("between nodes");
      await expect.poll(() => a.events, patient).toContain("message between nodes");
      expect([heard, a.nodes.counters.dropped]).toEqual([[], dropped]);
      expect(a.nodes.counters.received).toBeGreaterThan(received);
    });

    describe.runIf(broker !== undefined)("whose broker is away", () => {
      it("remove nobody, and agree when it is back on what has happened meanwhile", async () => {
        const [a, b, c] = await three();
        const [one] = await Promise.all([a.enter("ann"), b.enter("bob")]);
        for (const { presence } of all) void presence.watch("tea");
        await expect.poll(() => keysOf(c), patient).toEqual(["ann 1", "bob 1"]);
        await broker!().kill();
        for (const { nodes } of all) await expect.poll(() => nodes.state, patient).toBe("blind");
        await one.close();
        await expect.poll(() => keysOf(a), patient).toEqual(["bob 1"]);
        const late = adapter.connect(`ws://127.0.0.1:${b.server.port}/late`);
        await expect.poll(() => b.server.subscribersOf("tea"), patient).toBe(2);
        expect(c.nodes.list().length).toBe(3);
        await broker!().start();
        for (const { nodes } of all) await expect.poll(() => nodes.state, patient).toBe("seeing");
        for (const node of all) {
          await expect.poll(() => keysOf(node), patient).toEqual(["bob 1", "late 1"]);
        }
        for (const { events } of all)
          expect(events.filter((e) => e.startsWith("left"))).toEqual([]);
        await (await late).close();
      });

      it("remove nobody while it stands still", async () => {
        const [a] = await three();
        broker!().pause();
        try {
          for (const { nodes } of all) await expect.poll(() => nodes.state, patient).toBe("blind");
          const asked = a.nodes.request("?", { timeout: 300 });
          expect((await asked).map(({ error }) => error?.code)).toEqual(["TIMEOUT", "TIMEOUT"]);
        } finally {
          broker!().resume();
        }
        for (const { nodes } of all) await expect.poll(() => nodes.state, patient).toBe("seeing");
        for (const { events } of all)
          expect(events.filter((e) => e.startsWith("left"))).toEqual([]);
      });
    });
  });
}

/** What a process of test/support/nodes-node.mjs sees. */
interface View {
  readonly nodes: string[];
  readonly members: string[];
  readonly count: number;
  readonly answers: string[];
}

/** What holds of nodes that are processes of the three runtimes. Of Node's run alone: it starts the others. */
export function describeNodeProcesses(
  name: string,
  backplane: () => readonly string[],
  relay?: ClusterRelay,
): void {
  describe.runIf(runtime === "node")(`processes of three runtimes over ${name}`, () => {
    const children: ChildProcess[] = [];

    beforeAll(() => {
      ensureBuilt();
    });

    afterEach(async () => {
      await Promise.all(children.splice(0).map(killChild));
    });

    it("agree, lose one that is killed, and take one back that stood still", async () => {
      const add = (child: ChildProcess): void => {
        children.push(child);
        relay?.add(child);
      };
      const started = await Promise.all(
        (["node", "deno", "bun"] as const).map((by) =>
          startNode(by, "json", add, backplane(), "test/support/nodes-node.mjs"),
        ),
      );
      const clients = await Promise.all(started.map(({ listen }, at) => listen(`key ${at}`)));
      /** Asks a process until it sees what it should. */
      const sees = async (at: number, expected: Partial<View>): Promise<void> => {
        const { ws, heard } = clients[at]!;
        await expect
          .poll(async () => {
            const { length } = heard;
            await ws.send("?");
            await expect.poll(() => heard.length, patient).toBeGreaterThan(length);
            return JSON.parse(String(heard.at(-1))) as View;
          }, patient)
          .toMatchObject(expected);
      };
      const members = ["key%200 1", "key%201 1", "key%202 1"];
      const nodes = ["bun", "deno", "node"];
      const answers = nodes.map((by) => `${by} answers`);
      for (const at of [0, 1, 2]) {
        const others = answers.filter((answer) => !answer.startsWith(["node", "deno", "bun"][at]!));
        await sees(at, { nodes, members, count: 3, answers: others });
      }
      process.kill(children[1]!.pid!, "SIGSTOP");
      await sees(0, { nodes: ["bun", "node"], members: [members[0]!, members[2]!] });
      process.kill(children[1]!.pid!, "SIGCONT");
      for (const at of [0, 1, 2]) await sees(at, { nodes, members });
      await killChild(children[2]!);
      for (const at of [0, 1]) {
        await sees(at, { nodes: ["deno", "node"], members: members.slice(0, 2), count: 2 });
      }
      for (const { ws } of clients) ws.terminate();
    }, 60_000);
  });
}
