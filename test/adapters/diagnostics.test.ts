import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it } from "vitest";
import { hasWatchers, observer } from "../../adapters/diagnostics.ts";
import { memoryPair } from "../../adapters/memory/index.ts";
import { connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { Server } from "../../src/connection/server/serve.ts";
import { HandshakeError } from "../../src/errors.ts";
import { FakeBroker } from "../support/fake-broker.ts";
import { memoryConnect } from "../support/memory-connect.ts";
import { Peer, upgradeRequest } from "../support/peer.ts";

const names = [
  "framewire.connection.open",
  "framewire.connection.error",
  "framewire.connection.close",
  "framewire.handshake.refused",
  "framewire.backplane",
] as const;

type Message = Readonly<Record<string, unknown>>;

let undo: (() => void)[] = [];

afterEach(() => {
  for (const step of undo) step();
  undo = [];
});

/** Writes down what is published on all channels. */
function listen(): [name: string, message: Message][] {
  const seen: [string, Message][] = [];
  for (const name of names) {
    const note = (message: unknown): void => void seen.push([name, message as Message]);
    subscribe(name, note);
    undo.push(() => unsubscribe(name, note));
  }
  return seen;
}

/** A server with one open connection to it. */
async function opened(): Promise<{ ws: Connection; peer: Peer; server: Server }> {
  const server = new Server(
    { port: 0, unhandledErrors: "ignore" },
    {
      message() {
        throw new Error("oops");
      },
    },
    { observer },
  );
  const [ours, theirs] = memoryPair();
  server.accept(ours);
  const peer = new Peer(theirs);
  peer.send(upgradeRequest());
  await peer.seen("open");
  return { ws: server.connections[0]!, peer, server };
}

describe("the diagnostics channels", () => {
  it("report that a connection opens and ends", async () => {
    const seen = listen();
    const { ws, peer } = await opened();
    expect(seen).toEqual([["framewire.connection.open", { connection: ws }]]);
    expect(seen[0]![1]["connection"]).toBe(ws);
    peer.close(4000, "bye");
    const closure = await ws.closed;
    expect(seen.slice(1)).toEqual([["framewire.connection.close", { connection: ws, closure }]]);
    expect(closure).toMatchObject({ status: 4000, reason: "bye", clean: true });
  });

  it("report what goes wrong with a connection", async () => {
    const seen = listen();
    const { ws, peer } = await opened();
    peer.text("Hello");
    await ws.closed;
    expect(seen.map(([name]) => name)).toEqual([
      "framewire.connection.open",
      "framewire.connection.error",
      "framewire.connection.close",
    ]);
    expect(seen[1]![1]).toEqual({ connection: ws, error: new Error("oops") });
  });

  it("report a refused handshake", async () => {
    const seen = listen();
    const server = new Server({ port: 0 }, { upgrade: () => ({ status: 401 }) }, { observer });
    const [ours, theirs] = memoryPair();
    server.accept(ours);
    new Peer(theirs).send(upgradeRequest());
    while (seen.length === 0) await Promise.resolve();
    const [[name, { error, remoteAddress }]] = seen as [[string, Message]];
    expect([name, remoteAddress]).toEqual(["framewire.handshake.refused", "memory"]);
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ status: 401 });
  });

  it("report what happens to a server's backplane", async () => {
    const seen = listen();
    const broker = new FakeBroker();
    const server = new Server(
      { port: 0, backplane: broker, unhandledErrors: "ignore" },
      {},
      { observer },
    );
    broker.goDown();
    broker.comeUp();
    expect(seen.map(([name, { event }]) => [name, (event as { type: string }).type])).toEqual([
      ["framewire.backplane", "down"],
      ["framewire.backplane", "up"],
      ["framewire.backplane", "gap"],
    ]);
    await server.shutdown();
  });

  it("report clients' connections, too", async () => {
    const server = new Server({ port: 0 }, {});
    const seen = listen();
    const ws = await connectOn(memoryConnect(server), "ws://a", {}, {}, { observer });
    await ws.close();
    expect(seen.map(([name, { connection }]) => [name, connection])).toEqual([
      ["framewire.connection.open", ws],
      ["framewire.connection.close", ws],
    ]);
  });

  it("cost nothing if nobody listens", async () => {
    let published = 0;
    for (const name of names) {
      const one = channel(name);
      const { publish } = one;
      one.publish = () => void published++;
      undo.push(() => {
        one.publish = publish;
      });
    }
    const { ws, peer } = await opened();
    peer.text("Hello");
    await ws.closed;
    observer.refused(new HandshakeError("REJECTED"), undefined);
    observer.backplane!({ type: "up" });
    expect(published).toBe(0);
  });
});

describe("hasWatchers()", () => {
  it.each(names)("is about the channels that publish connections: %s", (name) => {
    expect(hasWatchers()).toBe(false);
    const watch = (): void => {};
    subscribe(name, watch);
    expect(hasWatchers()).toBe(name.startsWith("framewire.connection."));
    unsubscribe(name, watch);
    expect(hasWatchers()).toBe(false);
  });
});
