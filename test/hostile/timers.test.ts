import { afterEach, describe, expect, it } from "vitest";
import { memoryNetwork } from "../../adapters/memory/index.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { FaultyClock, type TickFault, tickFaults } from "../support/faulty-clock.ts";
import { macrotask } from "../support/turns.ts";
import { memoryPair } from "../../adapters/memory/index.ts";
import { attach, expectNoRejections, nameOf, newStage, Peer } from "./play.ts";
import { close, ping, plain, type Role, roles, session, show } from "./support.ts";
import { expectOneEnd, traceOf } from "./trace.ts";

/** Timers and drains that go wrong, at each place of a conversation where one does. */

afterEach(expectNoRejections);

/** A conversation with all that there is, in which each deadline is set and none should be met. */
async function converse(faultAt = Infinity, fault?: TickFault) {
  const clock = new FaultyClock(faultAt, fault);
  const network = memoryNetwork({
    host: { engine: zlibEngine() },
    seed: 1,
    cut: 40,
    delay: 2,
    capacity: 64,
  });
  const lines: Record<Role, string[]> = { server: [], client: [] };
  const outcomes: Promise<unknown>[] = [];
  const watch = (promise: Promise<unknown>): void => {
    outcomes.push(promise.catch(() => {}));
  };
  const options: ConnectionOptions & { clock: FaultyClock } = {
    clock,
    compression: { engine: zlibEngine(), threshold: 0, idleTimeout: 150 },
    pingInterval: 200,
    pongTimeout: 400,
    idleTimeout: 60_000,
    maxLifetime: 120_000,
    closeTimeout: 5000,
    highWaterMark: 100,
  };
  const handlers = (role: Role, message: (ws: Connection, data: unknown) => unknown): Handlers => ({
    message(ws, data) {
      lines[role].push(`message ${data.length}`);
      return message(ws, data);
    },
    error: (_, error) => void lines[role].push(`error ${nameOf(error)}`),
    close: (_, { status, clean }) => void lines[role].push(`close ${status} ${clean}`),
  });
  const server = await network.serve(
    { port: 80, handshakeTimeout: 5000, ...options },
    handlers("server", async (ws, data) => {
      await macrotask();
      await ws.send(data as string);
    }),
  );
  let isOver = false;
  // Time goes on beside what happens.
  const time = (async () => {
    while (!isOver || clock.running > 0) {
      await macrotask();
      clock.advance(70);
      if (clock.now() > 600_000) throw new Error("A timer goes on");
    }
  })();
  const ws = await network.connect(
    "ws://a",
    { timeout: 5000, ...options },
    handlers("client", () => undefined),
  );
  watch(ws.send("x".repeat(300)));
  const writer = ws.beginMessage({ binary: true });
  for (let i = 0; i < 3; i++) watch(writer.write(new Uint8Array(100)));
  watch(writer.close());
  for (let turn = 0; turn < 12; turn++) await macrotask();
  watch(ws.send("last"));
  while (lines.client.length < 3 && ws.state === "open") await macrotask();
  watch(ws.close(1000));
  await ws.closed;
  await Promise.all(outcomes);
  await server.shutdown({ deadline: 1000 });
  isOver = true;
  await time;
  return { lines, ticks: clock.ticks, running: clock.running };
}

describe("a conversation whose timers go wrong", () => {
  const seen = ["message 300", "message 300", "message 4", "close 1000 true"];

  it.each(tickFaults)(
    "by a tick that comes %s, whichever it is: nobody is harmed",
    async (fault) => {
      const plain = await converse();
      expect(plain).toMatchObject({ lines: { server: seen, client: seen }, running: 0 });
      expect(plain.ticks).toBeGreaterThan(10);
      for (let at = 1; at <= plain.ticks; at++) {
        const { lines, running } = await converse(at, fault);
        expect({ at, lines, running }).toEqual({
          at,
          lines: { server: seen, client: seen },
          running: 0,
        });
      }
    },
  );
});

describe.each(roles)("a %s whose timers go wrong", (role) => {
  /** Closes to a peer that says nothing more; gives when it was over, and how often a timer ticked. */
  async function closeTo(faultAt = Infinity, fault?: TickFault) {
    const clock = new FaultyClock(faultAt, fault);
    const options = { clock, closeTimeout: 1000 };
    const stage = newStage(role, { serveOptions: options, clientOptions: options });
    const [ours, theirs] = memoryPair();
    const peer = new Peer(theirs, role);
    attach(stage, ours);
    await macrotask();
    peer.send(session()[role]!.input(peer.accept));
    await macrotask();
    const { recorder } = stage;
    const start = clock.now();
    void recorder.ws!.close(1000);
    while (!peer.isClosed && clock.now() < 60_000) {
      clock.advance(50);
      await macrotask();
    }
    const { events } = recorder;
    return { events, time: clock.now() - start, ticks: clock.ticks, running: clock.running };
  }

  it.each(tickFaults)("by a tick that comes %s: a deadline is met once, in time", async (fault) => {
    const { ticks } = await closeTo();
    expect(ticks).toBeGreaterThan(5);
    for (let at = 1; at <= ticks; at++) {
      const { events, time, running } = await closeTo(at, fault);
      expectOneEnd(events);
      expect(events).toEqual(["open", "error CLOSE_TIMEOUT", "close 1006 unclean local"]);
      expect(running).toBe(0);
      // Never before its time; a tick that is lost costs one, one that is late what it is late, and another one.
      expect(time).toBeGreaterThanOrEqual(1000);
      expect(time).toBeLessThanOrEqual(fault === "late" ? 4400 : 1300);
    }
  });
});

/** What is wrong with one drain. */
type DrainFault = "never" | "twice" | "late";

/** A transport of which one drain goes wrong, and which drains once more behind its end. */
class FaultyDrains implements Transport {
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;
  readonly #inner: Transport;
  readonly #faultAt: number;
  readonly #fault: DrainFault | undefined;
  drains = 0;

  constructor(inner: Transport, faultAt = Infinity, fault?: DrainFault) {
    this.#inner = inner;
    this.#faultAt = faultAt;
    this.#fault = fault;
  }

  set handler(handler: TransportHandler) {
    this.#inner.handler = {
      onData: (chunk) => {
        handler.onData(chunk);
      },
      onDrain: () => {
        const fault = ++this.drains === this.#faultAt ? this.#fault : undefined;
        if (fault === "never") return;
        if (fault === "late") {
          setTimeout(() => {
            handler.onDrain();
          }, 20);
          return;
        }
        handler.onDrain();
        if (fault === "twice") handler.onDrain();
      },
      onEnd: () => {
        handler.onEnd();
      },
      onClose: (error) => {
        handler.onClose(error);
        handler.onDrain();
      },
    };
  }

  write(bytes: Uint8Array): boolean {
    return this.#inner.write(bytes);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}

describe.each(roles)("a %s whose drains go wrong", (role) => {
  const count = 12;

  /** Sends messages that are echoed by nobody, and closes. */
  async function talk(faultAt = Infinity, fault?: DrainFault) {
    const stage = newStage(role, { ...plain, options: { closeTimeout: 1000, highWaterMark: 200 } });
    const { recorder } = stage;
    const [ours, theirs] = memoryPair({ capacity: 1, seed: 3, cut: 30 });
    const peer = new Peer(theirs, role);
    const transport = new FaultyDrains(ours, faultAt, fault);
    attach(stage, transport);
    await macrotask();
    peer.send(session()[role]!.input(peer.accept));
    for (let turn = 0; turn < 50 && recorder.ws === undefined; turn++) await macrotask();
    const ws = recorder.ws;
    const sent: Promise<string>[] = [];
    for (let i = 0; i < count && ws !== undefined; i++) {
      sent.push(ws.send(String(i).repeat(40)).then(() => "sent", nameOf));
      peer.send(ping(`${i}`));
      await macrotask();
    }
    void ws?.close(1000);
    peer.send(close(1000));
    for (let turn = 0; turn < 60 && !peer.isOver; turn++) {
      await new Promise((resolve) => setTimeout(resolve, fault === "late" ? 2 : 0));
    }
    peer.end();
    await macrotask();
    for (let time = 0; time < 12_000; time += 100) recorder.clock.advance(100);
    await recorder.over.promise;
    await macrotask();
    return { recorder, peer, drains: transport.drains, sent: await Promise.all(sent) };
  }

  it.each(["twice", "late"] as const)(
    "by one that comes %s, whichever it is: all arrives, in order",
    async (fault) => {
      const { drains } = await talk();
      expect(drains).toBeGreaterThan(count / 2);
      for (let at = 1; at <= drains; at++) {
        const { recorder, peer, sent } = await talk(at, fault);
        const { output } = peer;
        const { events } = recorder;
        const { replies } = traceOf(role, { output, events, end: "peer" });
        expect(replies.filter((reply) => reply.startsWith("text"))).toEqual(
          Array.from({ length: count }, (_, i) => `text ${show(String(i).repeat(40))}`),
        );
        expect(events).toEqual(["open", "close 1000 clean local"]);
        expect(new Set(sent)).toEqual(new Set(["sent"]));
        expect(recorder.clock.running).toBe(0);
      }
    },
  );

  it("by one that never comes, whichever it is: one end, and every promise settles", async () => {
    const { drains } = await talk();
    for (let at = 1; at <= drains; at++) {
      const { recorder, sent } = await talk(at, "never");
      expectOneEnd(recorder.events);
      for (const outcome of sent) expect(outcome).toMatch(/^(sent|CLOSED)/);
      expect(recorder.clock.running).toBe(0);
    }
  });
});
