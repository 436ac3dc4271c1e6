import { describe, expect, it } from "vitest";
import { memoryPair } from "../../adapters/memory.ts";
import { newDeferred } from "../../src/deferred.ts";
import { Server, serveOn } from "../../src/connection/serve.ts";
import { TransportError } from "../../src/errors.ts";
import type { Listen, Transport } from "../../src/transport.ts";
import { Peer, upgradeRequest } from "../support/peer.ts";
import { macrotask } from "../support/turns.ts";
import { testServer } from "../support/server.ts";

/** A listener without a network: the test hands in transports itself. */
function fakeListener(): {
  listen: Listen;
  accept: (transport: Transport) => void;
  closed: () => number;
} {
  let accept!: (transport: Transport) => void;
  let closed = 0;
  return {
    listen: async (options, onTransport) => {
      accept = onTransport;
      return {
        port: options.port,
        hostname: options.hostname ?? "0.0.0.0",
        close: async () => {
          closed++;
        },
      };
    },
    accept: (transport) => {
      accept(transport);
    },
    closed: () => closed,
  };
}

describe("serveOn()", () => {
  it("serves what the listener accepts", async () => {
    const { listen, accept } = fakeListener();
    const server = await serveOn(
      listen,
      { port: 80, hostname: "::1" },
      { message: (ws, data) => ws.send(data) },
    );
    expect([server.port, server.hostname]).toEqual([80, "::1"]);
    const [ours, theirs] = memoryPair();
    accept(ours);
    const peer = new Peer(theirs);
    peer.send(upgradeRequest());
    peer.text("Hello");
    await peer.seen("text Hello");
    await server.shutdown();
  });

  it("rejects when the listener cannot listen", async () => {
    const error = new TransportError("ADDRESS_IN_USE");
    await expect(serveOn(() => Promise.reject(error), { port: 80 }, {})).rejects.toBe(error);
  });

  it("refuses options out of range before it listens", async () => {
    const { listen } = fakeListener();
    await expect(serveOn(listen, { port: 80, handshakeTimeout: -1 }, {})).rejects.toThrow(
      RangeError,
    );
    await expect(serveOn(listen, { port: 80, maxHeaders: 0.5 }, {})).rejects.toThrow("maxHeaders");
  });
});

describe("shutdown()", () => {
  it("says 1001 to all, waits for them, and counts", async () => {
    const { server, open } = testServer();
    const first = await open();
    const second = await open();
    expect(server.connections).toHaveLength(2);
    expect(await server.shutdown({ reason: "Restart" })).toEqual({ closed: 2, dropped: 0 });
    expect(first.peer.lines).toContain("close 1001 Restart");
    expect(second.peer.lines).toContain("close 1001 Restart");
    expect(server.connections).toEqual([]);
  });

  it("drops at the deadline what has not closed", async () => {
    const { server, open, clock, lines } = testServer();
    const { peer } = await open();
    await open();
    peer.transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
    const result = server.shutdown({ deadline: 2000, status: 1012 });
    await macrotask();
    clock.advance(2200);
    expect(await result).toEqual({ closed: 1, dropped: 1 });
    expect(lines).toContain("error SHUTDOWN_TIMEOUT");
    expect(clock.running).toBe(0);
  });

  it("stops accepting, and drops who is not open yet or comes late", async () => {
    const { listen, accept, closed } = fakeListener();
    const gate = newDeferred<undefined>();
    const server = await serveOn(listen, { port: 80 }, { upgrade: () => gate.promise });
    const peers = [0, 1, 2].map(() => {
      const [ours, theirs] = memoryPair();
      return { ours, peer: new Peer(theirs) };
    });
    accept(peers[0]!.ours); // says nothing
    accept(peers[1]!.ours);
    peers[1]!.peer.send(upgradeRequest()); // waits for the hook
    await macrotask();
    const result = server.shutdown();
    accept(peers[2]!.ours);
    expect(await result).toEqual({ closed: 0, dropped: 0 });
    expect(closed()).toBe(1);
    gate.resolve(undefined);
    for (const { peer } of peers) {
      await peer.seen("closed");
      expect(peer.lines).toEqual(["closed"]);
    }
  });

  it("joins the first call when it is called again", async () => {
    const { server } = testServer();
    expect(server.shutdown()).toBe(server.shutdown());
    expect(await server.shutdown()).toEqual({ closed: 0, dropped: 0 });
  });

  it("runs by await using", async () => {
    const { server, open } = testServer();
    const { peer } = await open();
    await server[Symbol.asyncDispose]();
    expect(peer.lines).toContain("close 1001");
  });
});

describe("Server", () => {
  it("can be without a listener, for transports from elsewhere", async () => {
    const server = new Server({ port: 0 }, {});
    const [ours, theirs] = memoryPair();
    server.accept(ours);
    const peer = new Peer(theirs);
    peer.send(upgradeRequest());
    await peer.seen("open");
    await server.shutdown();
  });
});
