import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import type { Position, Replayed } from "../../src/connection/backplane/history.ts";
import type { CarryingOptions } from "../../src/connection/backplane/status.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "./adapter.ts";
import type { TestBroker } from "./broker.ts";
import { nameOf } from "./server.ts";
import { publishSteadily } from "./steady-publisher.ts";

/** A message, as the option `stamp` of the suite's servers makes it. */
export interface Stamped {
  readonly text: string;
  readonly position: Position;
}

/** A server whose topics have a history. */
export interface HistoryNode {
  readonly server: Server;
  /** What the handler `backplane` was told: "up", "down TIMEOUT", "gap". */
  readonly events: string[];
  readonly errors: string[];
  /** Connects a client that subscribes to a topic, and says where it was. */
  listen(topic: string, since?: Position): Promise<Listener>;
}

/** A client, and what it has heard. */
export interface Listener {
  readonly ws: Connection;
  /** Its connection on the server. */
  readonly there: Connection;
  readonly joined: Replayed;
  readonly heard: Stamped[];
  texts(): string[];
}

export interface HistoryNodes {
  start(carrying?: CarryingOptions): Promise<HistoryNode>;
}

/** Starts servers of this runtime on a backplane that has a history, and stops them behind each test. */
export function historyNodesOf(newBackplane: () => Backplane | Promise<Backplane>): HistoryNodes {
  const servers: Server[] = [];
  const clients: Connection[] = [];

  afterEach(async () => {
    for (const ws of clients.splice(0)) ws.terminate();
    await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 300 })));
  });

  return {
    async start(carrying = {}) {
      const [events, errors]: string[][] = [[], []];
      const connections: Connection[] = [];
      const server = await adapter.serve(
        {
          port: 0,
          hostname: "127.0.0.1",
          backplane: await newBackplane(),
          carrying: {
            ...carrying,
            stamp: (text, position) => JSON.stringify({ text, position }),
          },
        },
        {
          async open(ws) {
            connections.push(ws);
            const { searchParams } = new URL(ws.target, "ws://test");
            const since = searchParams.get("since");
            const joined = await ws.subscribe(searchParams.get("topic")!, {
              since: since === null ? undefined : (JSON.parse(since) as Position),
            });
            await ws.send(JSON.stringify({ joined }));
          },
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
        async listen(topic, since) {
          const query = new URLSearchParams({ topic });
          if (since !== undefined) query.set("since", JSON.stringify(since));
          const ws = await adapter.connect(`ws://127.0.0.1:${server.port}/?${query}`);
          clients.push(ws);
          const heard: Stamped[] = [];
          const joined = await new Promise<Replayed>((resolve, reject) => {
            void (async () => {
              for await (const data of ws) {
                const message = JSON.parse(data as string) as Stamped | { joined: Replayed };
                if ("joined" in message) resolve(message.joined);
                else heard.push(message);
              }
            })().catch(reject);
          });
          const there = connections.at(-1)!;
          return { ws, there, joined, heard, texts: () => heard.map(({ text }) => text) };
        },
      };
    },
  };
}

/** What holds for topics with a history on every backplane that has one. `newBackplane` keeps 500 messages of each. */
export function describeHistory(
  name: string,
  newBackplane: () => Backplane | Promise<Backplane>,
): void {
  describe(`the history of ${name}`, () => {
    const { start } = historyNodesOf(newBackplane);
    /** Each test has a topic of its own: the broker keeps what others have published. */
    let tea = "";
    let count = 0;

    beforeEach(() => {
      tea = `tea ${++count}`;
    });

    it("has one order for the subscribers of all nodes, and a position for each message", async () => {
      const nodes = await Promise.all([start(), start(), start()]);
      const listeners = await Promise.all(nodes.map((node) => node.listen(tea)));
      const carried: Promise<Position | undefined>[] = [];
      for (let number = 0; number < 50; number++) {
        nodes.forEach(({ server }, at) => {
          carried.push(server.publish(tea, `${at} ${number}`).carried);
        });
        if (number % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      const positions = (await Promise.all(carried)).map((position) => JSON.stringify(position));
      for (const { heard } of listeners) {
        await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(150);
        expect(heard).toEqual(listeners[0]!.heard);
        const told = heard.map(({ position }) => JSON.stringify(position));
        expect(new Set(told)).toEqual(new Set(positions));
      }
      for (const { server, events } of nodes) {
        expect(server.backplane!.counters).toMatchObject({ delivered: 100, gaps: 0, dropped: 0 });
        expect(events).toEqual([]);
      }
    });

    it("is delivered to all but the connection that has published", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const listeners = [await a.listen(tea), await a.listen(tea), await b.listen(tea)];
      await listeners[0]!.ws.send("hello");
      const { carried, ...here } = a.server.publish(tea, "to all");
      // Nobody has it before the broker has told where it stands.
      expect(here).toEqual({ sent: 0, dropped: 0, closed: 0 });
      await carried;
      const [own, ...others] = listeners;
      for (const { texts } of others) await expect.poll(texts).toHaveLength(2);
      await expect.poll(own!.texts).toEqual(["to all"]);
      expect(others[0]!.texts().sort()).toEqual(["hello", "to all"]);
    });

    it("tells a new client the topic's position, from which it can go on, on any node", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      await a.server.publish(tea, "before").carried;
      const first = await a.listen(tea);
      expect(first.joined).toMatchObject({ complete: true, replayed: 0 });
      first.ws.terminate();
      for (const text of ["1", "2"]) await b.server.publish(tea, text).carried;
      const { joined, texts } = await b.listen(tea, first.joined.position);
      expect(joined).toMatchObject({ complete: true, replayed: 2 });
      await b.server.publish(tea, "3").carried;
      await expect.poll(texts).toEqual(["1", "2", "3"]);
    });

    it("gives a client that comes back what it has missed while others publish, without a gap or a repeat", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const nodes = [a, b];
      const resident = await a.listen(tea);
      let number = 0;
      const timer = setInterval(() => {
        for (const { server } of nodes) server.publish(tea, `${number++}`);
      }, 1);
      const all: Stamped[] = [];
      try {
        let { position } = (await a.listen(tea)).joined;
        for (let round = 0; round < 20; round++) {
          const { joined, heard, ws } = await nodes[round % 2]!.listen(tea, position);
          expect(joined.complete).toBe(true);
          await expect.poll(() => heard.length).toBeGreaterThan(5);
          ws.terminate();
          all.push(...heard);
          position = heard.at(-1)!.position;
        }
      } finally {
        clearInterval(timer);
      }
      const names = all.map(({ text }) => text);
      await expect.poll(() => resident.texts()).toContain(names.at(-1));
      const begin = resident.texts().indexOf(names[0]!);
      expect(names).toEqual(resident.texts().slice(begin, begin + names.length));
    });

    it("says that it is incomplete if it does not keep a message any more, and gives the rest", async () => {
      const node = await start();
      const first = (await node.server.publish(tea, "first").carried)!;
      const carried: unknown[] = [];
      for (let number = 0; number < 1500; number++) {
        carried.push(node.server.publish(tea, `${number}`).carried);
      }
      await Promise.all(carried);
      const { joined, texts } = await node.listen(tea, first);
      expect(joined.complete).toBe(false);
      // So it is for who has been there before the first.
      const earliest = await node.listen(tea, { epoch: first.epoch, offset: "0" });
      expect(earliest.joined).toEqual(joined);
      expect(joined.replayed).toBeGreaterThanOrEqual(500);
      expect(joined.replayed).toBeLessThan(1500);
      await expect.poll(() => texts().length).toBe(joined.replayed);
      expect(texts()).toEqual(
        Array.from({ length: joined.replayed }, (_, at) => `${1500 - joined.replayed + at}`),
      );
    });

    it.each([
      ["of another epoch", { epoch: "", offset: "0" }],
      ["of nobody's", { epoch: 1, offset: null }],
      ["far ahead", { offset: "9999999999999999" }],
      ["that no counter can reach", { offset: "99999999999999999999-0" }],
    ])("says so of a position %s, too", async (_, made) => {
      const node = await start();
      const real = await node.server.publish(tea, "1").carried;
      await node.server.publish(tea, "2").carried;
      const since = { ...real, ...made } as Position;
      const { joined, texts } = await node.listen(tea, since);
      expect(joined).toMatchObject({ complete: false, replayed: 2 });
      await expect.poll(texts).toEqual(["1", "2"]);
    });

    it("is separate for each topic", async () => {
      const node = await start();
      const { position } = (await node.listen(tea)).joined;
      for (let number = 0; number < 10; number++) {
        await node.server.publish(number % 2 === 0 ? tea : `milk of ${tea}`, `${number}`).carried;
      }
      const { joined, texts } = await node.listen(tea, position);
      expect(joined).toMatchObject({ complete: true, replayed: 5 });
      await expect.poll(texts).toEqual(["0", "2", "4", "6", "8"]);
    });

    it("holds text and bytes of all sizes", async () => {
      const [a, b] = await Promise.all([start(), start()]);
      const { position } = (await a.listen(tea)).joined;
      const sent = [0, 1, 1000, 100_000].map((size) => "ü".repeat(size / 2));
      for (const text of sent) await b.server.publish(tea, text).carried;
      const { joined, texts } = await a.listen(tea, position);
      expect(joined).toMatchObject({ complete: true, replayed: sent.length });
      await expect.poll(texts).toEqual(sent);
    });
  });
}

/** What holds of a history whose broker is killed and started again while somebody publishes, and of one that stands still. */
export function itOutlivesOutages({ start }: HistoryNodes, broker: () => TestBroker): void {
  it("loses nothing that it has taken, for subscribers and those who come back, and reports no gap", async () => {
    // What is published in an outage waits for its end, however long a broker takes to start on a busy machine.
    const [a, b] = await Promise.all([start({ timeout: 60_000 }), start({ timeout: 60_000 })]);
    const listeners = await Promise.all([a, b].map((node) => node.listen("tea")));
    const publisher = publishSteadily(a.server, "tea");
    try {
      for (let round = 1; round <= 2; round++) {
        await expect.poll(() => publisher.carried.length).toBeGreaterThan(30 * round);
        await broker().kill();
        await expect.poll(() => b.server.backplane!.state).toBe("down");
        await broker().start();
        await expect
          .poll(() => [a, b].map(({ server }) => server.backplane!.state), { timeout: 10_000 })
          .toEqual(["up", "up"]);
      }
    } finally {
      publisher.stop();
    }
    await publisher.all();
    await a.server.publish("tea", "the end").carried;
    const numbers = Array.from({ length: publisher.count }, (_, at) => `${at}`);
    for (const { texts } of listeners) {
      await expect.poll(() => texts().at(-1), { timeout: 10_000 }).toBe("the end");
      expect(texts()).toEqual([...numbers, "the end"]);
    }
    const { position } = listeners[0]!.joined;
    const late = await b.listen("tea", position);
    expect(late.joined).toMatchObject({ complete: true, replayed: publisher.count + 1 });
    for (const { events } of [a, b]) expect(events).not.toContain("gap");
  });

  it("answers in time while it stands still", async () => {
    const node = await start({ timeout: 300 });
    const { joined } = await node.listen("tea");
    broker().pause();
    try {
      const { joined: late } = await node.listen("tea", joined.position);
      expect(late).toEqual({ complete: false, replayed: 0, position: undefined });
    } finally {
      broker().resume();
    }
  });
}
