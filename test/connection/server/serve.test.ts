import { describe, expect, expectTypeOf, it } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { localBackplane } from "../../../src/connection/backplane/local.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { concat } from "../../../src/bytes.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import { prepareMessage } from "../../../src/connection/send/prepare.ts";
import { route } from "../../../src/connection/handlers.ts";
import { createServerOn, Server, serveOn } from "../../../src/connection/server/serve.ts";
import { BackplaneError, TransportError } from "../../../src/errors.ts";
import type { Listen, Listener } from "../../../src/transport.ts";
import { FakeBroker } from "../../support/fake-broker.ts";
import { HoldingClock } from "../../support/holding-clock.ts";
import { Peer, upgradeRequest } from "../../support/peer.ts";
import { macrotask } from "../../support/turns.ts";
import { nameOf, testServer } from "../../support/server.ts";
import { fakeListener } from "../../support/fake-listener.ts";

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

describe("Server.accept()", () => {
  it("accepts bytes that were read already, of a request and what follows", async () => {
    const { server, lines } = testServer();
    const [ours, theirs] = memoryPair();
    const peer = new Peer(theirs);
    peer.endpoint.sendText("early");
    const early = peer.endpoint.output.take()!.slice();
    peer.endpoint.output.giveBack();
    const request = upgradeRequest();
    server.accept(ours, concat([request, early]));
    await peer.seen("open");
    peer.close(1000);
    await peer.seen("closed");
    expect(lines).toEqual(["open", "message early", "close 1000 clean peer"]);
  });

  it.each([0, 1, 40])(
    "accepts %d bytes of a request, and reads the rest from the transport",
    async (size) => {
      const { server } = testServer();
      const [ours, theirs] = memoryPair();
      const request = upgradeRequest();
      server.accept(ours, request.slice(0, size));
      const peer = new Peer(theirs);
      peer.send(request.subarray(size));
      await peer.seen("open");
    },
  );

  it("drops a connection that comes after shutdown, whatever was read of it", async () => {
    const { server, lines } = testServer();
    await server.shutdown();
    const [ours, theirs] = memoryPair();
    server.accept(ours, upgradeRequest());
    const peer = new Peer(theirs);
    await peer.seen("closed");
    expect([peer.lines, lines]).toEqual([["closed"], []]);
  });
});

describe("Server.broadcast() and publish()", () => {
  it("send a prepared message as it is", async () => {
    const { open, server } = testServer();
    const [one, two] = [await open(), await open()];
    void one.ws.subscribe("news");
    const news = prepareMessage("for all");
    expect(server.broadcast(news, { except: two.ws })).toEqual({ sent: 1, dropped: 0, closed: 0 });
    const { carried, ...delivery } = server.publish("news", news);
    expect(delivery).toEqual({ sent: 1, dropped: 0, closed: 0 });
    await carried;
    two.ws.publish("news", prepareMessage("from one of them"));
    await one.peer.seen("text from one of them");
    expect(one.peer.lines.slice(1)).toEqual([
      "text for all",
      "text for all",
      "text from one of them",
    ]);
    expect(two.peer.lines).toEqual(["open"]);
  });
});

describe("maxConnections", () => {
  it("refuses connections beyond it with 503, and has a place again after one ends", async () => {
    const { open, connect, lines, server } = testServer({}, { maxConnections: 2 });
    const first = await open();
    await open();
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("closed");
    expect(peer.response).toContain("HTTP/1.1 503 Service Unavailable");
    expect(lines).toEqual(["open", "open", "refused REJECTED"]);
    await macrotask();
    first.peer.close(1000);
    await first.ws.closed;
    await open();
    expect(server.counters).toMatchObject({ open: 2, opened: 3, refused: 1 });
  });

  it("counts opening connections, and gives their places back when they go", async () => {
    const { connect, server } = testServer({}, { maxConnections: 2 });
    const slow = [connect(), connect()];
    const { peer } = connect();
    peer.send(upgradeRequest());
    await peer.seen("refused 503");
    await peer.seen("closed");
    for (const { transport } of slow) transport.destroy();
    await macrotask();
    expect(server.counters.opening).toBe(0);
    const next = connect();
    next.peer.send(upgradeRequest());
    await next.peer.seen("open");
  });

  it("does not count connections that exist only to be refused", async () => {
    const { open, connect } = testServer({}, { maxConnections: 2 });
    const first = await open();
    await open();
    connect(); // says nothing
    const refused = connect();
    refused.peer.endsWithServer = false;
    refused.peer.send(upgradeRequest());
    await refused.peer.seen("end");
    first.peer.close(1000);
    await first.ws.closed;
    const next = connect();
    next.peer.send(upgradeRequest());
    await next.peer.seen(/^open|^refused/);
    expect(next.peer.lines[0]).toBe("open");
  });

  it("drops connections beyond twice as many at once, without an answer", async () => {
    const { connect, server, lines } = testServer({}, { maxConnections: 2 });
    const peers = Array.from({ length: 6 }, () => connect().peer);
    for (const peer of peers.slice(4)) {
      peer.send(upgradeRequest());
      await peer.seen("closed");
      expect(peer.lines).toEqual(["closed"]);
    }
    expect(server.counters.opening).toBe(4);
    expect(lines).toEqual([]);
  });

  it("does not refuse a silent connection before handshakeTimeout drops it", async () => {
    const { connect, clock, server } = testServer(
      {},
      { maxConnections: 1, handshakeTimeout: 3000 },
    );
    const peers = [connect().peer, connect().peer];
    clock.advance(3200);
    for (const peer of peers) await peer.seen("closed");
    await macrotask();
    expect([server.counters.opening, clock.running]).toEqual([0, 0]);
  });

  it.each([undefined, 0, Infinity])("sets no limit if it is %s", async (maxConnections) => {
    const { open, server } = testServer({}, { maxConnections });
    for (let count = 0; count < 20; count++) await open();
    expect(server.connections).toHaveLength(20);
  });

  it("must be a number from 0 on", () => {
    expect(() => testServer({}, { maxConnections: -1 })).toThrow(RangeError);
  });
});

describe("the types of contexts", () => {
  const { listen } = fakeListener();

  it("come from what upgrade returns, for all of a server's connections", () => {
    const serving = () =>
      serveOn(
        listen,
        { port: 80 },
        {
          upgrade: (request) => ({ context: { user: request.path } }),
          open(ws) {
            expectTypeOf(ws.context).toEqualTypeOf<{ user: string }>();
          },
          close(ws) {
            expectTypeOf(ws).toEqualTypeOf<Connection<{ user: string }>>();
          },
        },
      );
    expectTypeOf(serving).returns.resolves.toEqualTypeOf<Server<{ user: string }>>();
  });

  it("come from what upgrade resolves to, also where it may refuse", () => {
    const serving = () =>
      serveOn(
        listen,
        { port: 80 },
        {
          async upgrade(request) {
            if (request.origin === undefined) return { status: 403 };
            return { protocol: "chat", context: { id: await Promise.resolve(1) } };
          },
          message(ws) {
            expectTypeOf(ws.context).toEqualTypeOf<{ id: number }>();
          },
        },
      );
    expectTypeOf(serving).returns.resolves.toEqualTypeOf<Server<{ id: number }>>();
  });

  it("are unknown if there is no hook", () => {
    const serving = () => serveOn(listen, { port: 80 }, { message() {} });
    expectTypeOf(serving).returns.resolves.toEqualTypeOf<Server>();
  });

  it("are separate for each route", () => {
    const routes = {
      "/a": route({
        upgrade: () => ({ context: { a: 1 } }),
        message(ws) {
          expectTypeOf(ws.context).toEqualTypeOf<{ a: number }>();
        },
      }),
      "/b/:id": route({
        upgrade: ({ params }) => ({ context: [params["id"]] }),
        open(ws) {
          expectTypeOf(ws.context).toEqualTypeOf<(string | undefined)[]>();
        },
      }),
    };
    expect(new Server({ port: 0 }, { routes }).connections).toEqual([]);
    expect(route(routes["/a"])).toBe(routes["/a"]);
  });
});

describe("a server on a backplane", () => {
  it("gives the backplane's state and counters", async () => {
    const broker = new FakeBroker();
    const { server } = testServer({}, { backplane: broker });
    expect(testServer().server.backplane).toBeUndefined();
    expect(server.backplane).toMatchObject({ state: "up", counters: { published: 0 } });
    await server.publish("t", "x").carried;
    expect(server.backplane!.counters).toMatchObject({ published: 1, carried: 1 });
  });

  it("calls the handler `backplane`, whatever the handler does", async () => {
    const broker = new FakeBroker();
    const seen: string[] = [];
    const { server } = testServer(
      {
        backplane({ type }) {
          seen.push(type);
          throw new Error("oops");
        },
      },
      { backplane: broker },
    );
    broker.goDown();
    broker.comeUp();
    expect(seen).toEqual(["down", "up", "gap"]);
    await server.shutdown();
  });

  it("gives what others publish to the subscribers here, and delivers its own while the broker is away", async () => {
    const broker = new FakeBroker();
    const [here, there] = [0, 1].map(() =>
      testServer(
        {
          open: (ws) => ws.subscribe("t"),
          message: (ws, data) => ws.publish("t", data),
        },
        { backplane: broker },
      ),
    );
    const [a, b] = [await here!.open(), await here!.open()];
    const c = await there!.open();
    await macrotask();
    a.peer.text("one");
    await Promise.all([b.peer.seen("text one"), c.peer.seen("text one")]);
    broker.goDown();
    // The rooms of README.md return what `publish` gives: the publisher goes on all the same.
    for (const text of ["two", "three"]) a.peer.text(text);
    await b.peer.seen("text three");
    expect(c.peer.lines).not.toContain("text two");
    broker.comeUp();
    await c.peer.seen("text three");
    expect(c.peer.lines.slice(1)).toEqual(["text one", "text two", "text three"]);
    expect(here!.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  it("does not listen if it cannot join, and leaves if it cannot listen", async () => {
    let isListening = false;
    const listen: Listen = async () => {
      isListening = true;
      throw new Error("port in use");
    };
    const refusing = { join: () => Promise.reject(new Error("wrong password")) };
    const told: unknown[] = [];
    const unhandledErrors = (error: unknown): unknown => told.push(error);
    const options = { port: 80, backplane: refusing, unhandledErrors };
    await expect(serveOn(listen, options, {})).rejects.toThrow("wrong password");
    // Who awaits the call has the error, and nobody else is told.
    expect([isListening, told]).toEqual([false, []]);
    const broker = new FakeBroker();
    await expect(serveOn(listen, { port: 80, backplane: broker }, {})).rejects.toThrow(
      "port in use",
    );
    await expect(serveOn(listen, { port: 80 }, {})).rejects.toThrow("port in use");
    expect([broker.lines, broker.members.size]).toEqual([["leave"], 0]);
    broker.gate = Promise.reject(new Error("no"));
    await expect(serveOn(listen, { port: 80, backplane: broker }, {})).rejects.toThrow(
      "port in use",
    );
  });

  it.each([
    [{ deadline: 2000 }, 2000],
    [{ deadline: Infinity }, 10_000],
    [{}, 10_000],
  ] as const)(
    "shuts down in time if the broker does not answer: %o",
    async (options, milliseconds) => {
      const broker = new FakeBroker();
      const { server, clock } = testServer({}, { backplane: broker });
      broker.gate = new Promise(() => {});
      const { carried } = server.publish("t", "x");
      let isDown = false;
      const down = server.shutdown(options).then(() => (isDown = true));
      await macrotask();
      clock.advance(milliseconds - 100);
      await macrotask();
      expect(isDown).toBe(false);
      clock.advance(200);
      await down;
      await expect(carried).rejects.toBeInstanceOf(BackplaneError);
    },
  );
});

it("A server reports what `stamp` throws, and goes on with the next message", async () => {
  const reported: string[] = [];
  const { listen, accept } = fakeListener();
  const server = await serveOn(
    listen,
    {
      port: 1,
      backplane: localBackplane({ history: 1 }),
      carrying: {
        stamp(data) {
          if (data === "bad") throw new Error("cannot");
          return data;
        },
      },
      unhandledErrors: (error, { thrower }) => void reported.push(`${thrower} ${nameOf(error)}`),
    },
    { open: (ws) => void ws.subscribe("t") },
  );
  const [ours, theirs] = memoryPair();
  const peer = new Peer(theirs);
  accept(ours);
  peer.send(upgradeRequest());
  await peer.seen("open");
  await macrotask();
  for (const text of ["bad", "good"]) await server.publish("t", text).carried;
  await peer.seen("text good");
  expect(peer.lines).toEqual(["open", "text good"]);
  expect(reported).toEqual(["stamp cannot"]);
  await server.shutdown({ deadline: 0 });
});

describe("Server.unref()", () => {
  it("lets the process end, for its listener, its connections and those to come", async () => {
    const told: string[] = [];
    const hold = (what: string): { ref: () => unknown; unref: () => unknown } => ({
      ref: () => told.push(`ref ${what}`),
      unref: () => told.push(`unref ${what}`),
    });
    const { listen, accept } = fakeListener();
    const held: boolean[] = [];
    const clock = new HoldingClock(held);
    const server = await serveOn(
      async (...given) => Object.assign(await listen(...given), hold("listener")),
      { port: 1, clock, pingInterval: 1000 },
      {},
    );
    const connect = async (what: string, request: Uint8Array): Promise<Peer> => {
      const [ours, theirs] = memoryPair();
      const peer = new Peer(theirs);
      accept(Object.assign(ours, hold(what)));
      peer.send(request);
      await macrotask();
      return peer;
    };
    await connect("open", upgradeRequest());
    await connect("opening", upgradeRequest().slice(0, 9));
    expect(server.counters).toMatchObject({ open: 1, opening: 1 });
    expect([told, held.at(-1)]).toEqual([[], true]);
    server.unref();
    expect(told.splice(0)).toEqual(["unref listener", "unref opening", "unref open"]);
    await connect("later", upgradeRequest());
    expect(told.splice(0)).toEqual(["unref later", "unref later"]);
    expect(held.at(-1)).toBe(false);
    server.ref();
    expect(told.splice(0)).toEqual(["ref listener", "ref opening", "ref open", "ref later"]);
    expect(held.at(-1)).toBe(true);
    await server.shutdown({ deadline: 0 });
  });

  it("changes nothing if its listener and its transports do not keep the process alive", async () => {
    const { listen, accept } = fakeListener();
    const server = await serveOn(listen, { port: 1 }, {});
    const [first] = memoryPair();
    accept(first);
    server.unref();
    const [second] = memoryPair();
    accept(second);
    server.ref();
    await server.shutdown({ deadline: 0 });
    const none = new Server({ port: 1 }, {});
    none.unref();
    none.ref();
  });
});

describe("createServerOn()", () => {
  /** A way to listen that comes to its end when the test says so. */
  function newListen() {
    const lines: string[] = [];
    const made = newDeferred<Listener>();
    const listen: Listen = () => made.promise;
    const listener: Listener = {
      port: 7,
      hostname: "test",
      close() {
        lines.push("close");
        return Promise.resolve();
      },
      unref: () => void lines.push("unref"),
    };
    return { lines, made, listen, listener };
  }

  it("gives a server at once, which says when it listens", async () => {
    const { made, listen, listener } = newListen();
    const server = createServerOn(listen, { port: 7 }, {});
    expect([server.port, server.hostname]).toEqual([0, ""]);
    let listens = false;
    void server.listening.then(() => (listens = true));
    await Promise.resolve();
    expect(listens).toBe(false);
    made.resolve(listener);
    await server.listening;
    expect([server.port, server.hostname]).toEqual([7, "test"]);
    await server.shutdown();
  });

  it("throws for wrong options, and rejects if it cannot listen", async () => {
    const { made, listen } = newListen();
    expect(() => createServerOn(listen, { prot: 7 } as never, {})).toThrow(TypeError);
    const server = createServerOn(listen, { port: 7 }, {});
    made.reject(new TransportError("ADDRESS_IN_USE"));
    await expect(server.listening).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    expect(await server.shutdown()).toEqual({ closed: 0, dropped: 0 });
  });

  it("closes a listener that comes after its shutdown, which waits for it", async () => {
    const { lines, made, listen, listener } = newListen();
    const server = createServerOn(listen, { port: 7 }, {});
    server.unref();
    const shutdown = server.shutdown().then(() => lines.push("shut down"));
    await macrotask();
    expect(lines).toEqual([]);
    made.resolve(listener);
    await shutdown;
    expect(lines).toEqual(["unref", "close", "shut down"]);
  });

  it("closes a listener that comes after stopListening()", async () => {
    const { lines, made, listen, listener } = newListen();
    const server = createServerOn(listen, { port: 7 }, {});
    const stopped = server.stopListening();
    made.resolve(listener);
    await stopped;
    expect(lines).toEqual(["close"]);
    await server.shutdown();
  });

  it("rejects stopListening() as it does `listening`, if it cannot listen", async () => {
    const { made, listen } = newListen();
    const server = createServerOn(listen, { port: 7 }, {});
    const stopped = server.stopListening();
    made.reject(new TransportError("ADDRESS_IN_USE"));
    await expect(stopped).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
  });

  it("has nothing to wait for without a listener", async () => {
    const server = new Server({ port: 0 }, {});
    expect(await server.listening).toBeUndefined();
    await server.stopListening();
    await server.shutdown();
  });
});
