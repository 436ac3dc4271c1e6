import fc from "fast-check";
import { memoryNetwork, type MemoryNetwork } from "../../adapters/memory/index.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import type { Reconnecting } from "../../src/connection/client/reconnecting.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";
import { contentOf, type Data } from "./content.ts";
import { delivered } from "./delivery.ts";
import { type Entry, Journal, Mishap, type Receipt } from "./journal.ts";

/*
 * A client under `reconnecting`, whose connections are lost in all ways: it comes back each time, what arrives is in order
 * and never there twice, what waits for the next connection arrives on it, and every connection ends once.
 */

export interface ReconnectStep {
  readonly do:
    | "client sends"
    | "server sends"
    | "server closes"
    | "server terminates"
    | "reset"
    | "fin"
    | "time"
    | "pause";
  readonly size: number;
}

export interface ReconnectScenario {
  readonly whileAway: "reject" | "wait";
  /** Whether messages are asked for, or go to a handler: a quick one, or one that waits for the end. */
  readonly takes: "receive" | "handler" | "closed";
  readonly seed: number;
  readonly steps: readonly ReconnectStep[];
}

export const reconnectScenario: fc.Arbitrary<ReconnectScenario> = fc.record({
  whileAway: fc.constantFrom("reject", "wait"),
  takes: fc.constantFrom("receive", "handler", "closed"),
  seed: fc.nat({ max: 100 }),
  steps: fc.array(
    fc.record({
      do: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom("client sends" as const, "server sends" as const) },
        { weight: 2, arbitrary: fc.constantFrom("time" as const, "pause" as const) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            ...(["server closes", "server terminates", "reset", "fin"] as const),
          ),
        },
      ),
      size: fc.integer({ min: 12, max: 300 }),
    }),
    { maxLength: 20, size: "max" },
  ),
});

/** A wait before an attempt is this long at the most. */
const maxDelay = 1000;

class Reconnection {
  readonly journal = new Journal();
  readonly #clock = new FakeClock();
  readonly #network: MemoryNetwork;
  readonly #sent: Record<"c" | "s", Entry[]> = { c: [], s: [] };
  readonly #received: Record<"c" | "s", Receipt[]> = { c: [], s: [] };
  readonly #ends = new Map<Connection, number>();
  #server!: Server;
  #feed!: Reconnecting<Connection>;
  readonly #scenario: ReconnectScenario;

  constructor(scenario: ReconnectScenario) {
    this.#scenario = scenario;
    this.#network = memoryNetwork({ seed: scenario.seed, cut: 50, delay: 3, capacity: 200 });
  }

  async play(): Promise<void> {
    const { whileAway, takes, steps } = this.#scenario;
    const options = { clock: this.#clock, closeTimeout: 500 };
    this.#server = await this.#network.serve(
      { port: 80, ...options },
      { open: (ws) => void this.#ends.set(ws, 0), message: this.#taking("s"), close: this.#ending },
    );
    const message = takes === "receive" ? {} : { message: this.#taking("c") };
    this.#feed = reconnecting(
      ({ signal }) => {
        const handlers = {
          open: (ws: Connection) => void this.#ends.set(ws, 0),
          close: this.#ending,
          ...message,
        };
        return this.#network.connect("ws://memory/", { signal, ...options }, handlers);
      },
      { clock: this.#clock, whileAway, maxDelay, random: () => 0.5, shouldReconnect: () => true },
    );
    if (takes === "receive") void this.#receiveAll();
    for (const step of steps) await this.#take(step);
    await this.#checkBack();
    await this.#checkEnd();
  }

  /** A handler for messages: it notes them, and where the scenario says so waits for the end. */
  #taking(who: "c" | "s"): (ws: Connection, data: Data) => unknown {
    return (ws, data) => {
      this.#note(who, data);
      return who === "c" && this.#scenario.takes === "closed" ? ws.closed : undefined;
    };
  }

  readonly #ending = (ws: Connection): void => {
    this.#ends.set(ws, this.#ends.get(ws)! + 1);
  };

  #note(who: "c" | "s", data: Data): void {
    const at = this.journal.stamp();
    this.#received[who].push({ at, state: "whole", text: typeof data === "string", data });
  }

  async #receiveAll(): Promise<void> {
    try {
      for (;;) this.#note("c", await this.#feed.receive());
    } catch {
      // It has ended for good.
    }
  }

  async #take({ do: name, size }: ReconnectStep): Promise<void> {
    const [ws] = this.#server.connections;
    const pair = this.#network.pairs.at(-1);
    if (name === "client sends") this.#send("c", size, (data) => this.#feed.send(data));
    if (name === "server sends" && ws?.state === "open") {
      this.#send("s", size, (data) => ws.send(data));
    }
    if (name === "server closes") void ws?.close(1012);
    if (name === "server terminates") ws?.terminate();
    if (name === "reset") pair?.[0].reset(new Mishap("The network is gone"));
    if (name === "fin") pair?.[1].end();
    if (name === "time") await this.#advance(300);
    if (name === "pause") await macrotask();
  }

  #send(who: "c" | "s", size: number, send: (data: Data) => Promise<void>): void {
    const sent = this.#sent[who];
    const label = `${who}${sent.length + 1}`;
    const data = contentOf({ label, size, text: true, noise: false });
    const at = this.journal.stamp();
    const entry: Entry = {
      ...{ label, text: true, data, placedFrom: at, placedTo: at, completedAt: at },
      ...{ isVoid: false, isRefused: false },
    };
    sent.push(entry);
    const isAway =
      who === "c" && this.#feed.state !== "open" && this.#scenario.whileAway !== "wait";
    const promise = send(data);
    this.journal.track(`${label}: send`, promise);
    // Where nobody was there to take it, it must not come later.
    promise.catch(() => {
      entry.isRefused = true;
      if (isAway) entry.isVoid = true;
    });
  }

  async #advance(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 100) {
      this.#clock.advance(100);
      await macrotask();
    }
    for (let turns = 0; turns < 5; turns++) await macrotask();
  }

  /** Whatever has happened, it is connected again after a while, and then what is sent arrives. */
  async #checkBack(): Promise<void> {
    // What is on its way comes first; then a closing handshake, a handler that waits for it, and the longest wait.
    await this.#advance(100);
    for (let times = 0; times < 5 && this.#feed.state !== "open"; times++) {
      await this.#advance(maxDelay);
    }
    if (this.#feed.state !== "open") {
      this.journal.found(`It is not connected again, but ${this.#feed.state}`);
      return;
    }
    this.#send("c", 40, (data) => this.#feed.send(data));
    await this.#advance(100);
    const last = this.#sent.c.at(-1)!;
    this.#checkDelivery();
    const { come } = delivered(this.#sent.c, this.#received.s, { mayLose: true });
    if (!come.has(last)) this.journal.found(`${last.label} has not come, and all is quiet`);
  }

  #checkDelivery(): void {
    for (const [from, to] of [
      ["c", "s"],
      ["s", "c"],
    ] as const) {
      const { findings } = delivered(this.#sent[from], this.#received[to], { mayLose: true });
      for (const finding of findings) this.journal.found(`${to}: ${finding}`);
    }
  }

  async #checkEnd(): Promise<void> {
    let isEnded = false;
    void this.#feed.close().then(() => (isEnded = true));
    let isShutDown = false;
    void this.#server.shutdown({ deadline: 500 }).then(() => (isShutDown = true));
    await this.#advance(1500);
    const { journal } = this;
    if (!isEnded) journal.found("closed of reconnecting does not resolve");
    if (!isShutDown) journal.found("shutdown() does not resolve");
    for (const count of this.#ends.values()) {
      if (count !== 1) journal.found(`close of a connection is called ${count} times`);
    }
    for (const { what, state } of journal.tracked) {
      if (state === "pending") journal.found(`${what} never settles`);
    }
    if (this.#clock.running > 0) journal.found(`${this.#clock.running} timers still run`);
    this.#checkDelivery();
  }
}

/** Plays a scenario, and gives what does not hold. */
export async function runReconnecting(scenario: ReconnectScenario): Promise<readonly string[]> {
  const reconnection = new Reconnection(scenario);
  await reconnection.play();
  return reconnection.journal.findings;
}
