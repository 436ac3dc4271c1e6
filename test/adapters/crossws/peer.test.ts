import { afterEach, describe, expect, it } from "vitest";
import { crossws } from "../../../adapters/crossws/adapter.ts";
import { cleanUpHooks, HookClient, hookServer, Journal } from "../../support/hooks-shape.ts";

afterEach(cleanUpHooks);

const make = (options: unknown): never => crossws(options as never) as never;

describe("HookPeer", () => {
  it("has the connection's properties under a browser's names", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        upgrade: () => ({ protocol: "p" }),
        open({ websocket }) {
          journal.add(`${websocket.protocol} ${websocket.extensions} ${websocket.url}`);
          websocket.send!("sent");
          websocket.close!(4000, "closed");
          journal.add(`${websocket.readyState}`);
        },
        close({ websocket }) {
          journal.add(`${websocket.readyState} ${websocket.bufferedAmount}`);
        },
      },
    });
    const client = new HookClient(`${url}/a?b`, ["p"]);
    expect(await journal.next()).toBe(`p  ${url}/a?b`);
    expect(await journal.next()).toBe("2");
    expect([await client.next(), await client.next(), await client.next()]).toEqual([
      "open p",
      "text sent",
      "close 4000 closed",
    ]);
    expect(await journal.next()).toBe("3 0");
  });

  it("can be used when its connection is over: nothing happens, and nothing is thrown", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        async close(peer) {
          peer.send("late");
          peer.subscribe("t");
          peer.publish("t", "late");
          peer.unsubscribe("t");
          peer.ping();
          peer.close();
          peer.terminate();
          await peer.waitForDrain();
          journal.add("still here");
        },
        error: (_, error) => journal.add(`error ${error.message}`),
      },
    });
    const client = new HookClient(url);
    await client.next();
    client.socket.close();
    expect(await journal.next()).toBe("still here");
  });

  it("stops waiting for unsent bytes when the connection ends", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        async open(peer) {
          peer.send("x".repeat(8 * 1024 * 1024));
          const waiting = peer.waitForDrain({ pollInterval: 100_000 });
          peer.terminate();
          await waiting;
          journal.add("over");
        },
      },
    });
    void new HookClient(url);
    expect(await journal.next()).toBe("over");
  });

  it("stops waiting when its signal aborts", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        async open(peer) {
          peer.send("x".repeat(8 * 1024 * 1024));
          const controller = new AbortController();
          const waiting = peer.waitForDrain({ pollInterval: 100_000, signal: controller.signal });
          controller.abort(new Error("given up"));
          await waiting.catch((error: Error) => journal.add(error.message));
        },
      },
    });
    void new HookClient(url);
    expect(await journal.next()).toBe("given up");
  });

  it("closes with 1000 if it is given a reason and no status", async () => {
    const { url } = await hookServer(make, {
      hooks: { open: (peer) => peer.close(undefined, "why") },
    });
    const client = new HookClient(url);
    expect([await client.next(), await client.next()]).toEqual(["open", "close 1000 why"]);
  });

  it("sends a message without compression if told to", async () => {
    const { url } = await hookServer(make, {
      hooks: {
        upgrade: () => ({ perMessageDeflate: true }),
        open(peer) {
          peer.send("a".repeat(2000), { compress: false });
        },
      },
    });
    const client = new HookClient(url);
    const bytes = client.socket;
    expect(await client.next()).toBe("open");
    expect(bytes.extensions).toBe("permessage-deflate");
    expect(await client.next()).toBe(`text ${"a".repeat(2000)}`);
    expect(client.socket._socket).toBeDefined();
  });

  it("shows itself as a WebSocket with its id", async () => {
    const journal = new Journal();
    const { url } = await hookServer(make, {
      hooks: {
        open(peer) {
          journal.add(`${Object.prototype.toString.call(peer)} ${`${String(peer)}` === peer.id}`);
        },
      },
    });
    void new HookClient(url);
    expect(await journal.next()).toBe("[object WebSocket] true");
  });
});
