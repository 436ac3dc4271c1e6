import { afterEach, describe, expect, it } from "vitest";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import type { CarryingOptions } from "../../src/connection/backplane/status.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Data } from "../../src/connection/data.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "./adapter.ts";
import { nameOf } from "./server.ts";

/** A server among others, as the suite sees it. */
export interface Node {
  readonly server: Server;
  /** What the handler `backplane` was told: "up", "down TIMEOUT", "gap". */
  readonly events: string[];
  /** What connections reported to `error`. */
  readonly errors: string[];
  /** Topics of which the driver has delivered something, whether anybody here had subscribed or not. */
  readonly came: ReadonlySet<string>;
  /** The reserved bits of data frames that it has sent. */
  readonly bits: number[];
  /** Connects a client whose connection is subscribed to a topic before it is open. */
  listen(topic: string): Promise<{ readonly ws: Connection; readonly heard: Data[] }>;
}

export interface Nodes {
  /** Starts a server on the driver's backplane. */
  start(carrying?: CarryingOptions): Promise<Node>;
  /** Starts three. */
  three(carrying?: CarryingOptions): Promise<[Node, Node, Node]>;
}

/** Starts servers of this runtime on a backplane, over real sockets, and stops them behind each test. */
export function nodesOf(newBackplane: () => Backplane | Promise<Backplane>): Nodes {
  const { stop, ...nodes } = nodesAt(newBackplane);
  afterEach(stop);
  return nodes;
}

/** The same for one test, which stops them itself. */
export function nodesAt(
  newBackplane: () => Backplane | Promise<Backplane>,
): Nodes & { stop(): Promise<void> } {
  const servers: Server[] = [];
  const clients: Connection[] = [];

  const stop = async (): Promise<void> => {
    for (const ws of clients.splice(0)) ws.terminate();
    await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 300 })));
  };

  const start = async (carrying: CarryingOptions = {}): Promise<Node> => {
    const [events, errors]: string[][] = [[], []];
    const bits: number[] = [];
    const came = new Set<string>();
    const server = await adapter.serve(
      {
        port: 0,
        hostname: "127.0.0.1",
        backplane: noting(came, await newBackplane()),
        carrying,
        compression: true,
        trace(_, { direction, opcode, rsv }) {
          if (direction === "sent" && opcode < 8) bits.push(rsv);
        },
      },
      {
        async open(ws) {
          await ws.subscribe(decodeURIComponent(ws.target.slice(1)));
          await ws.send("ready");
        },
        // As the rooms of README.md.
        message: (ws, data) => ws.publish(ws.topics[0]!, data),
        error: (_, error) => void errors!.push(nameOf(error)),
        backplane(event) {
          const code = "error" in event ? ` ${event.error.code}` : "";
          events!.push(event.type + code);
        },
      },
    );
    servers.push(server);
    return {
      server,
      events: events!,
      errors: errors!,
      bits,
      came,
      async listen(topic) {
        const url = `ws://127.0.0.1:${server.port}/${encodeURIComponent(topic)}`;
        const ws = await adapter.connect(url, { compression: true });
        clients.push(ws);
        expect(await ws.receive()).toBe("ready");
        const heard: Data[] = [];
        void (async () => {
          for await (const data of ws) heard.push(data);
        })().catch(() => {});
        return { ws, heard };
      },
    };
  };
  return {
    stop,
    start,
    three: (carrying) => Promise.all([start(carrying), start(carrying), start(carrying)]),
  };
}

/** Writes down the topics of what a driver delivers. */
function noting(came: Set<string>, backplane: Backplane): Backplane {
  return {
    ...backplane,
    join: (member) =>
      backplane.join({
        ...member,
        deliver(topic, ...rest) {
          came.add(topic);
          member.deliver(topic, ...rest);
        },
      }),
  };
}

const sizes = [0, 1, 125, 126, 4000, 65_535, 65_536, 1_048_576];

/** Data that says its number, so that none can stand for another. */
function payload(size: number, number: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at + number) & 0xff);
}

/** What holds on every backplane while nothing fails. */
export function describeBackplane(
  name: string,
  newBackplane: () => Backplane | Promise<Backplane>,
): void {
  describe(`publications over ${name}`, () => {
    const { start, three } = nodesOf(newBackplane);

    it("reach the subscribers of all nodes as they are, each once, and not their publisher", async () => {
      const [a, b, c] = await three();
      const listeners = await Promise.all([a, b, c].map((node) => node.listen("tea")));
      const sent: Data[] = sizes.flatMap((size, number) => [
        payload(size, number),
        "ü".repeat(size / 2),
      ]);
      const { ws } = listeners[0]!;
      for (const data of sent) await ws.send(data);
      for (const { heard } of listeners.slice(1)) {
        await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(sent.length);
        expect(heard.every((data, at) => equal(data, sent[at]!))).toBe(true);
      }
      expect(listeners[0]!.heard).toEqual([]);
      expect(a.server.backplane!.counters).toMatchObject({ carried: sent.length, delivered: 0 });
      for (const { server } of [b, c]) {
        expect(server.backplane!.counters).toMatchObject({ duplicates: 0, gaps: 0, dropped: 0 });
      }
    });

    it("keep the order of each publisher", async () => {
      const nodes = await three();
      const listeners = await Promise.all(nodes.map((node) => node.listen("tea")));
      for (let number = 0; number < 100; number++) {
        nodes.forEach(({ server }, at) => server.publish("tea", `${at} ${number}`));
        if (number % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      for (const { heard } of listeners) {
        await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(300);
        for (const at of [0, 1, 2]) {
          const own = heard.filter((data) => String(data).startsWith(`${at} `));
          expect(own).toEqual(Array.from({ length: 100 }, (_, number) => `${at} ${number}`));
        }
      }
    });

    it("reach nodes that have subscribers, and no others", async () => {
      const [a, b, c] = await three();
      const { heard } = await b.listen("tea");
      await c.listen("milk");
      await a.server.publish("tea", "hot").carried;
      await a.server.publish("nobody", "x").carried;
      await expect.poll(() => heard).toEqual(["hot"]);
      expect(b.server.backplane!.counters.delivered).toBe(1);
      expect(c.server.backplane!.counters.delivered).toBe(0);
      expect([b, c].map(({ came }) => [...came])).toEqual([["tea"], []]);
    });

    it("arrive from the moment on in which `subscribe` has resolved", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("first");
      const [ws] = b.server.connections;
      for (let number = 0; number < 50; number++) {
        expect(await ws!.subscribe(`topic ${number}`)).toBe(true);
        a.server.publish(`topic ${number}`, `${number}`);
      }
      const all = Array.from({ length: 50 }, (_, number) => `${number}`);
      await expect.poll(() => heard).toEqual(all);
    });

    it("work with topics of all names, however many there are", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("first");
      const [ws] = b.server.connections;
      const special = [
        "grün",
        "日本語",
        "🫖",
        "a b",
        "*",
        ">",
        "a.b",
        "a/b",
        "%41",
        "x".repeat(1024),
      ];
      const names = [...special, ...Array.from({ length: 1000 }, (_, at) => `topic ${at}`)];
      await Promise.all(names.map((topic) => ws!.subscribe(topic)));
      for (const topic of names) a.server.publish(topic, topic);
      await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(names.length);
      expect(heard).toEqual(names);
    });

    it("are compressed on other nodes, too, unless they must not be", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { heard } = await b.listen("tea");
      b.bits.length = 0;
      const text = "the kettle boils ".repeat(20);
      a.server.publish("tea", text);
      a.server.publish("tea", prepareMessage(text, { compress: false }));
      a.server.publish("tea", prepareMessage(text));
      await expect.poll(() => heard).toEqual([text, text, text]);
      expect(b.bits).toEqual([4, 0, 4]);
    });

    it("arrive once if a subscription flaps, and no more when it has ended", async () => {
      const [a, b] = await Promise.all([start({ linger: 200 }), start({ linger: 200 })]);
      const { heard } = await b.listen("tea");
      const [ws] = b.server.connections;
      for (let at = 0; at < 20; at++) {
        ws!.unsubscribe("tea");
        expect(await ws!.subscribe("tea")).toBe(true);
      }
      await a.server.publish("tea", "one").carried;
      await expect.poll(() => heard).toEqual(["one"]);
      ws!.unsubscribe("tea");
      await expect
        .poll(async () => {
          const before = b.server.backplane!.counters.delivered;
          await a.server.publish("tea", "two").carried;
          return b.server.backplane!.counters.delivered - before;
        })
        .toBe(0);
      expect(heard).toEqual(["one"]);
    });
  });
}

function equal(one: Data, other: Data): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
