import { afterEach, describe, expect, it } from "vitest";
import { localBackplane } from "../../src/connection/backplane/local.ts";
import type { ClientOptions } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import { type Handlers, route, type ServerHandlers } from "../../src/connection/handlers.ts";
import type { TracedFrame } from "../../src/connection/options.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { Transport } from "../../src/transport.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { Peer, upgradeRequest } from "../support/peer.ts";
import { exchangeOn } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";
import { nameOf } from "../support/server.ts";
import { wires } from "../support/wires.ts";

/** What people use, both sides of it, one list for every runtime and everything that it has as a wire. */

describe.each(wires)(`connections over $name, on ${runtime}`, (wire) => {
  const servers: Server[] = [];
  const clients: Connection[] = [];

  async function start(
    handlers: ServerHandlers = {},
    options: Partial<ServeOptions> = {},
  ): Promise<{ server: Server; url: string }> {
    const served = await wire.serve(options, handlers);
    servers.push(served.server);
    return served;
  }

  async function open<Context>(
    url: string,
    options: ClientOptions<Context> = {},
    handlers: Handlers<Context> = {},
  ): Promise<Connection<Context>> {
    const ws = await wire.connect(url, options, handlers);
    clients.push(ws as Connection);
    return ws;
  }

  /** A server, and both ends of one connection to it. */
  async function startPair(
    handlers: ServerHandlers = {},
    serveOptions: Partial<ServeOptions> = {},
    options: ClientOptions = {},
  ): Promise<{ ours: Connection; theirs: Connection; server: Server }> {
    const opened = newDeferred<Connection>();
    const { server, url } = await start(
      {
        ...handlers,
        open(ws) {
          opened.resolve(ws);
          return handlers.open?.(ws);
        },
      },
      serveOptions,
    );
    const theirs = await open(url, options);
    return { ours: await opened.promise, theirs, server };
  }

  /** A client that answers nothing, once it is open. */
  async function openSilent(url: string): Promise<Transport> {
    const transport = await wire.dial(url);
    const peer = new Peer(transport);
    peer.send(upgradeRequest());
    await peer.seen("open");
    transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
    return transport;
  }

  const echo: ServerHandlers = { message: (ws, data) => ws.send(data) };

  afterEach(async () => {
    for (const ws of clients.splice(0)) ws.terminate();
    await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
  });

  describe("connect()", () => {
    it("opens a connection, and says what was agreed upon", async () => {
      const { url } = await start({
        upgrade: (request) => ({ protocol: request.protocols[1] }),
        ...echo,
      });
      const ws = await open(`${url}/chat?room=1`, {
        protocols: ["v1", "v2"],
        context: { user: "ann" },
      });
      expect(ws).toMatchObject({
        state: "open",
        protocol: "v2",
        extensions: "",
        target: "/chat?room=1",
        remoteAddress: wire.remoteAddress,
        context: { user: "ann" },
      });
      expect(await ws.close(1000, "bye")).toEqual({
        status: 1000,
        reason: "bye",
        clean: true,
        initiator: "local",
      });
    });

    it("sends headers and origin, and agrees on compression", async () => {
      const seen: (string | undefined)[] = [];
      const { url } = await start(
        {
          upgrade(request) {
            seen.push(request.get("authorization"), request.origin, request.host);
          },
          ...echo,
        },
        { compression: true, origins: ["https://example.org"] },
      );
      const ws = await open(url, {
        headers: [["Authorization", "Bearer 1"]],
        origin: "https://example.org",
        host: "example.org",
        compression: true,
      });
      expect(seen).toEqual(["Bearer 1", "https://example.org", "example.org"]);
      expect(ws.extensions).toMatch(/^permessage-deflate/);
      const text = "to be or not to be ".repeat(1000);
      await ws.send(text);
      expect(await ws.receive()).toBe(text);
      const { sent, received } = ws.counters;
      expect(sent.payload).toBe(text.length);
      expect(sent.ratio).toBeGreaterThan(10);
      expect(received.ratio).toBeGreaterThan(10);
    });

    it("calls handlers, for both sides alike", async () => {
      const { url } = await start(echo);
      const lines: string[] = [];
      const closed = newDeferred<void>();
      const ws = await open(
        url,
        {},
        {
          open: () => void lines.push("open"),
          message(ws, data) {
            lines.push(`message ${String(data)}`);
            void ws.close(4000, "enough");
          },
          close(_, { status, reason }) {
            lines.push(`close ${status} ${reason}`);
            closed.resolve();
          },
        },
      );
      expect(lines).toEqual(["open"]);
      await ws.send("hello");
      await closed.promise;
      expect(lines).toEqual(["open", "message hello", "close 4000 enough"]);
    });

    it.each([
      ["a refusal that is returned", () => ({ status: 402, headers: [["X-Why", "no"]] as const })],
      [
        "one that is returned later",
        async () => {
          await Promise.resolve();
          return { status: 402, headers: [["X-Why", "no"]] as const };
        },
      ],
    ])("tells of %s", async (_, upgrade) => {
      const { url } = await start({ upgrade });
      const error = (await open(url).catch((error: unknown) => error)) as {
        headers: [string, string][];
      };
      expect(error).toMatchObject({ name: "DialError", code: "BAD_STATUS", status: 402 });
      // Over HTTP/2 names are in lower case.
      const why = error.headers.find(([name]) => name.toLowerCase() === "x-why");
      expect(why?.[1]).toBe("no");
    });

    // A Unix socket is chosen by an option: no URL leads to another one.
    it.runIf(wire.hasOrigins)(
      "follows redirects only where it is told to, and leaks no headers to another origin",
      async () => {
        const seen: string[] = [];
        const { url } = await start({
          upgrade: (request) => void seen.push(request.get("authorization") ?? "none"),
          ...echo,
        });
        const { url: other } = await start({
          upgrade: () => ({
            status: 307,
            headers: [["Location", `${url.replace("ws", "http")}/new`]],
          }),
        });
        const headers = [["Authorization", "Bearer 1"]] as const;
        await expect(open(other, { headers })).rejects.toMatchObject({ status: 307 });
        const ws = await open(other, { headers, redirects: 1 });
        expect(ws.target).toBe("/new");
        expect(seen).toEqual(["none"]);
      },
    );

    it("fails where nobody listens, typed", async () => {
      const { server, url } = await start();
      await server.shutdown();
      await expect(open(url)).rejects.toMatchObject({ name: "TransportError", code: wire.gone });
    });

    it("gives up in time, also behind a server that says nothing", async () => {
      const { listener, url } = await wire.listen();
      const clock = new FakeClock();
      const accepted = listener.accept();
      const opening = open(url, { timeout: 5000, clock });
      const outcome = opening.catch((error: unknown) => error);
      const stream = await accepted;
      await stream!.read(new Uint8Array(10));
      clock.advance(5100);
      expect(await outcome).toMatchObject({ code: "DIAL_TIMEOUT", limit: 5000 });
      await stream!.close();
      await listener.close();
    });

    it("gives up when its signal is aborted", async () => {
      const { listener, url } = await wire.listen();
      const abort = new AbortController();
      const accepted = listener.accept();
      const outcome = open(url, { signal: abort.signal }).catch((error: unknown) => error);
      const stream = await accepted;
      await stream!.read(new Uint8Array(10));
      abort.abort(new Error("enough"));
      expect(await outcome).toMatchObject({ message: "enough" });
      await stream!.close();
      await listener.close();
    });
  });

  describe("serve(), its routes and limits", () => {
    it("has handlers by path, each with its own context", async () => {
      const { url } = await start({
        routes: {
          "/rooms/:room": route({
            upgrade: (request) => ({ context: { room: request.params["room"]! } }),
            message: (ws, data) => ws.send(`${ws.context.room}: ${String(data)}`),
          }),
          "/echo": route({ message: (ws, data) => ws.send(data) }),
        },
      });
      const room = await open(`${url}/rooms/tea%20time`);
      await room.send("hi");
      expect(await room.receive()).toBe("tea time: hi");
      const plain = await open(`${url}/echo`);
      await plain.send("hi");
      expect(await plain.receive()).toBe("hi");
      await expect(open(`${url}/nowhere`)).rejects.toMatchObject({ status: 404 });
    });

    // A server of HTTP/2 that is there already answers such requests itself.
    it.skipIf(wire.isHttp2)(
      "answers what does not want a WebSocket, where it is told how",
      async () => {
        const { url } = await start({
          routes: { "/echo": route(echo) },
          http: () => ({ body: "page" }),
        });
        await expect(open(`${url}/nowhere`)).rejects.toMatchObject({ status: 404 });
        const request = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        expect(await exchangeOn(await wire.dial(url), encodeUtf8(request))).toMatch(
          /\r\n\r\npage$/,
        );
      },
    );

    it("refuses a page of another host that sends cookies, and lets it in without", async () => {
      const { url } = await start(echo);
      const origin = "https://evil.example";
      await expect(open(url, { origin, headers: [["Cookie", "session=1"]] })).rejects.toMatchObject(
        {
          status: 403,
        },
      );
      await open(url, { origin });
      await open(url, {
        origin: url.replace("ws", "http"),
        headers: [["Cookie", "session=1"]],
      });
    });

    it("refuses more than maxConnections with 503, until one is over", async () => {
      const refused: string[] = [];
      const { url } = await start(
        { ...echo, refused: (error) => void refused.push(nameOf(error.cause)) },
        { maxConnections: 2 },
      );
      const first = await open(url);
      await open(url);
      await expect(open(url)).rejects.toMatchObject({ status: 503 });
      expect(refused).toEqual(["TOO_MANY_CONNECTIONS"]);
      await first.close();
      await expect
        .poll(() =>
          open(url).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
    });

    it("counts what has gone over all connections, those that are over included", async () => {
      const { server, url } = await start(echo);
      for (const size of [10, 1000]) {
        const ws = await open(url);
        await ws.send(new Uint8Array(size));
        await ws.receive();
        await ws.close();
      }
      await expect.poll(() => server.counters.open).toBe(0);
      expect(server.counters).toMatchObject({
        opened: 2,
        refused: 0,
        received: { messages: 2, payload: 1010, frames: 4 },
        sent: { messages: 2, payload: 1010, frames: 4 },
      });
    });
  });

  describe("messages that are asked for", () => {
    it("are kept until somebody does, in their order", async () => {
      const { ours, theirs } = await startPair();
      for (let i = 0; i < 100; i++) void theirs.send(`${i}`);
      await theirs.send(new Uint8Array([1, 2, 3]));
      for (let i = 0; i < 100; i++) expect(await ours.receive()).toBe(`${i}`);
      expect(await ours.receive()).toEqual(new Uint8Array([1, 2, 3]));
    });

    it("can be waited for with a time-out, which harms nothing", async () => {
      const clock = new FakeClock();
      const { ours, theirs } = await startPair({}, { clock });
      const late = ours.receive({ timeout: 1000 }).catch(nameOf);
      clock.advance(1100);
      expect(await late).toBe("RECEIVE_TIMEOUT");
      const abort = new AbortController();
      const aborted = ours.receive({ signal: abort.signal }).catch(nameOf);
      abort.abort(new Error("enough"));
      expect(await aborted).toBe("enough");
      await theirs.send("still here");
      expect(await ours.receive()).toBe("still here");
    });

    it("come in a loop, which ends with the connection", async () => {
      const { ours, theirs } = await startPair();
      const seen: unknown[] = [];
      const loop = (async () => {
        for await (const message of ours) {
          seen.push(message);
          await ours.send(message);
        }
      })();
      for (const text of ["a", "b", "c"]) {
        await theirs.send(text);
        expect(await theirs.receive()).toBe(text);
      }
      await theirs.close(1000);
      await loop;
      expect(seen).toEqual(["a", "b", "c"]);
    });

    it("end a loop with an error where the connection broke", async () => {
      const { ours, theirs } = await startPair();
      await theirs.send("last words");
      expect(await ours.receive()).toBe("last words");
      const rest = (async () => {
        for await (const message of ours) expect(message).toBe("nothing more");
      })().catch((error: unknown) => error);
      theirs.terminate();
      expect(await rest).toMatchObject({ name: "ClosedError", status: 1006, clean: false });
    });

    it("may be read after the peer has gone", async () => {
      const { ours, theirs } = await startPair();
      void theirs.send("one");
      void theirs.send("two");
      await theirs.close(1000, "bye");
      await ours.closed;
      expect(await ours.receive()).toBe("one");
      expect(await ours.receive()).toBe("two");
      await expect(ours.receive()).rejects.toMatchObject({ code: "CLOSED", status: 1000 });
    });

    it("cannot be asked for where there is a handler", async () => {
      const { ours } = await startPair(echo);
      expect(() => ours.receive()).toThrow(TypeError);
    });
  });

  describe("messages in pieces", () => {
    const size = 200_000;
    const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);

    it.each([false, true])("go both ways, compression %s", async (compression) => {
      const { ours, theirs } = await startPair(
        {
          async stream(ws, message) {
            await ws.sendStream(message);
          },
        },
        { compression },
        { compression },
      );
      expect(ours.extensions !== "").toBe(compression);
      await theirs.sendStream(
        (async function* () {
          for (let at = 0; at < size; at += 30_000) yield bytes.subarray(at, at + 30_000);
        })(),
      );
      const back = await theirs.receiveStream();
      expect(back.isText).toBe(false);
      expect(await back.bytes()).toEqual(bytes);
      await theirs.sendStream(["to be ", "or not ", "to be \u{1F9ED}"]);
      expect(await theirs.receive()).toBe("to be or not to be \u{1F9ED}");
    });

    it("begin before they are complete, with control frames in between", async () => {
      const pings: string[] = [];
      const pieces: unknown[] = [];
      const first = newDeferred<void>();
      const done = newDeferred<void>();
      const { theirs } = await startPair({
        async stream(_, message) {
          for await (const piece of message) {
            pieces.push(piece);
            first.resolve();
          }
          pieces.push("|");
          if (pieces.at(-2) !== "two") done.resolve();
        },
        ping: (_, payload) => void pings.push(String.fromCharCode(...payload)),
      });
      const writer = theirs.beginMessage();
      await writer.write("one ");
      await first.promise;
      await theirs.ping("now");
      await expect.poll(() => pings).toEqual(["now"]);
      const behind = theirs.send("another message");
      await writer.write("two");
      await writer.close();
      await done.promise;
      await behind;
      expect(pieces.join("")).toBe("one two|another message|");
    });

    it("go through Web Streams", async () => {
      const { ours, theirs } = await startPair();
      const writer = theirs.beginMessage({ binary: true });
      const source = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < size; at += 70_000)
            controller.enqueue(bytes.slice(at, at + 70_000));
          controller.close();
        },
      });
      const sending = source.pipeTo(writer.writable as WritableStream<Uint8Array>);
      const { readable } = await ours.receiveStream();
      const whole = new Uint8Array(
        await new Response(readable as ReadableStream<never>).arrayBuffer(),
      );
      await sending;
      expect(whole).toEqual(bytes);
    });

    it("that cannot be completed end the connection with 1011", async () => {
      const { ours, theirs } = await startPair();
      const sending = theirs.sendStream(
        (async function* () {
          yield "begun";
          await Promise.resolve();
          throw new Error("source is gone");
        })(),
      );
      await expect(sending).rejects.toThrow("source is gone");
      expect(await ours.closed).toMatchObject({ status: 1011, initiator: "peer" });
      expect(await theirs.closed).toMatchObject({ initiator: "local" });
    });
  });

  describe("a slow side", () => {
    it("holds the other one back, which hears of it and goes on", async () => {
      const { ours, theirs } = await startPair({}, {}, { highWaterMark: 64 * 1024 });
      const message = new Uint8Array(64 * 1024);
      let count = 0;
      let isHeld = false;
      while (!isHeld) {
        const sent = theirs.send(message);
        count++;
        isHeld = theirs.bufferedAmount > 2 ** 20;
        if (isHeld) void sent.then(() => (isHeld = false));
        // The kernel has taken what it takes when nothing is taken for a turn of the event loop.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      for (let i = 0; i < count; i++) await ours.receive();
      await expect.poll(() => theirs.bufferedAmount).toBe(0);
      expect(isHeld).toBe(false);
    });

    it.each(["close", "drop", "wait"] as const)(
      "that never reads meets the policy %s",
      async (overflow) => {
        const lines: string[] = [];
        const { ours, theirs } = await startPair(
          {
            error: (_, error) => void lines.push(nameOf(error)),
            message: () => new Promise(() => {}),
          },
          {},
          { overflow, maxBufferedAmount: 2 ** 20 },
        );
        const message = new Uint8Array(256 * 1024);
        const outcomes: string[] = [];
        for (let i = 0; i < 100 && theirs.state === "open"; i++) {
          void theirs.send(message).then(
            () => outcomes.push("sent"),
            (error: unknown) => outcomes.push(nameOf(error)),
          );
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
        if (overflow === "close") {
          expect(await theirs.closed).toMatchObject({ error: { code: "TOO_MUCH_BUFFERED" } });
        } else {
          expect(theirs.state).toBe("open");
          expect(theirs.counters.dropped > 0).toBe(overflow === "drop");
          expect(outcomes.includes("TOO_MUCH_BUFFERED")).toBe(overflow === "drop");
        }
        ours.terminate();
        expect(lines.every((line) => line === "RESET" || line === "UNEXPECTED_END")).toBe(true);
      },
    );
  });

  describe("the life of a connection", () => {
    it("is kept up by pings, which measure the way", async () => {
      const clock = new FakeClock();
      const pongs = newDeferred<void>();
      const { ours, theirs } = await startPair(
        {
          pong: () => {
            pongs.resolve();
          },
        },
        { clock, pingInterval: 1000, pongTimeout: 500 },
      );
      expect(ours.roundTripTime).toBeUndefined();
      clock.advance(1000);
      await pongs.promise;
      expect(ours.roundTripTime).toBe(0);
      clock.advance(600);
      expect(ours.state).toBe("open");
      expect(theirs.state).toBe("open");
    });

    it("ends where a ping stays without an answer", async () => {
      const clock = new FakeClock();
      const ended = newDeferred<unknown>();
      const { url } = await start(
        { close: (_, closure) => void ended.resolve(closure) },
        { clock, pingInterval: 1000, pongTimeout: 500 },
      );
      const client = await openSilent(url);
      for (let i = 0; i < 20; i++) clock.advance(100);
      expect(await ended.promise).toMatchObject({
        status: 1006,
        initiator: "local",
        error: { code: "PONG_TIMEOUT" },
      });
      client.destroy();
    });

    it.each([
      ["idleTimeout", "IDLE_TIMEOUT"],
      ["maxLifetime", "MAX_LIFETIME"],
    ])("ends in order by %s", async (option, code) => {
      const clock = new FakeClock();
      const { ours, theirs } = await startPair({}, { clock, [option]: 1000 });
      for (let i = 0; i < 12; i++) clock.advance(100);
      expect(await theirs.closed).toMatchObject({ status: 1001, clean: true, initiator: "peer" });
      expect(await ours.closed).toMatchObject({ initiator: "local", error: { code } });
    });

    it("is traced frame by frame, where that is asked for", async () => {
      const frames: TracedFrame[] = [];
      const { theirs } = await startPair(echo, { trace: (_, frame) => frames.push(frame) });
      await theirs.send("hello");
      await theirs.receive();
      await theirs.close();
      const short = { fin: true, rsv: 0 };
      expect(frames).toEqual([
        { direction: "received", ...short, opcode: 1, masked: true, length: 5 },
        { direction: "sent", ...short, opcode: 1, masked: false, length: 5 },
        { direction: "received", ...short, opcode: 8, masked: true, length: 2 },
        { direction: "sent", ...short, opcode: 8, masked: false, length: 2 },
      ]);
    });

    it("ends with its scope, for connections and servers", async () => {
      const opened = newDeferred<Connection>();
      {
        const served = await wire.serve({}, { open: (ws) => void opened.resolve(ws) });
        await using server = served.server;
        await using ws = await wire.connect(served.url);
        expect([ws.state, server.counters.open]).toEqual(["open", 1]);
      }
      expect(await (await opened.promise).closed).toMatchObject({ status: 1000, clean: true });
    });

    it("ends at the deadline of its closing, where the peer does not answer", async () => {
      const clock = new FakeClock();
      const opened = newDeferred<Connection>();
      const { url } = await start({ open: (ws) => void opened.resolve(ws) }, { clock });
      const client = await openSilent(url);
      const ws = await opened.promise;
      const closed = ws.close(1000, "", { deadline: 300 });
      clock.advance(400);
      expect(await closed).toMatchObject({
        status: 1006,
        clean: false,
        initiator: "local",
        error: { code: "CLOSE_TIMEOUT", limit: 300 },
      });
      client.destroy();
    });

    it("tells who is about to open 503 at a shutdown, which waits for that", async () => {
      const asked = newDeferred<void>();
      const { server, url } = await start({
        upgrade: () => {
          asked.resolve();
          return new Promise(() => {});
        },
      });
      const opening = open(url).catch((error: unknown) => error);
      await asked.promise;
      expect(await server.shutdown({ deadline: 5000 })).toEqual({ closed: 0, dropped: 0 });
      expect(await opening).toMatchObject({ status: 503 });
    });

    it("lets who is about to open in behind stopListening(), and nobody else", async () => {
      const asked = newDeferred<void>();
      const answer = newDeferred<undefined>();
      const { server, url } = await start({
        ...echo,
        upgrade: () => {
          asked.resolve();
          return answer.promise;
        },
      });
      const opening = open(url);
      await asked.promise;
      await server.stopListening();
      await server.stopListening();
      await expect(open(url)).rejects.toMatchObject({ code: wire.gone });
      answer.resolve(undefined);
      const ws = await opening;
      await ws.send("here");
      expect(await ws.receive()).toBe("here");
      expect(await server.shutdown()).toEqual({ closed: 1, dropped: 0 });
      expect(await ws.closed).toMatchObject({ status: 1001, clean: true });
    });

    it("says 1001 to all at a shutdown, and counts them", async () => {
      const { server, url } = await start(echo);
      const all = await Promise.all([open(url), open(url), open(url)]);
      expect(await server.shutdown({ reason: "maintenance" })).toEqual({ closed: 3, dropped: 0 });
      for (const ws of all) {
        expect(await ws.closed).toMatchObject({ status: 1001, reason: "maintenance", clean: true });
      }
      await expect(open(url)).rejects.toMatchObject({ code: wire.gone });
    });
  });

  describe("messages for many", () => {
    it("are prepared once and sent to each, compressed or not", async () => {
      const { server, url } = await start(echo, { compression: true });
      const all = await Promise.all([open(url), open(url, { compression: true }), open(url)]);
      const message = prepareMessage("news ".repeat(100));
      for (const ws of server.connections) void ws.send(message);
      for (const ws of all) expect(await ws.receive()).toBe("news ".repeat(100));
      const [first] = server.connections;
      expect(server.broadcast("all", { except: first })).toEqual({
        sent: 2,
        dropped: 0,
        closed: 0,
      });
      expect(server.broadcast("all of us").sent).toBe(3);
      const heard = await Promise.all(all.map((ws) => ws.receive()));
      expect(heard.sort()).toEqual(["all", "all", "all of us"]);
    });

    it("go to the subscribers of a topic, but not back to the publisher", async () => {
      const { server, url } = await start({
        routes: {
          "/rooms/:room": route({
            upgrade: ({ params }) => ({ context: params }),
            open(ws) {
              void ws.subscribe(ws.context["room"]!);
            },
            message: (ws, data) => ws.publish(ws.context["room"]!, data),
          }),
        },
      });
      const [ann, ben, eve] = await Promise.all(
        ["tea", "tea", "other"].map((room) => open(`${url}/rooms/${room}`)),
      );
      expect(server.subscribersOf("tea")).toBe(2);
      await ann!.send("hello");
      expect(await ben!.receive()).toBe("hello");
      const { carried, ...delivery } = server.publish("tea", "to all");
      expect(delivery).toEqual({ sent: 2, dropped: 0, closed: 0 });
      await carried;
      expect(await ann!.receive()).toBe("to all");
      expect(await ben!.receive()).toBe("to all");
      await ben!.close();
      await expect.poll(() => server.subscribersOf("tea")).toBe(1);
      server.publish("other", "for eve");
      expect(await eve!.receive()).toBe("for eve");
      expect(() => {
        void ann!.subscribe("tea");
      }).toThrow("this is a client's");
    });

    it("reach the subscribers of all servers of one backplane", async () => {
      const backplane = localBackplane();
      const handlers: ServerHandlers = {
        async open(ws) {
          expect(await ws.subscribe("news")).toBe(true);
          expect(ws.topics).toEqual(["news"]);
        },
      };
      const [here, there] = await Promise.all([
        start(handlers, { backplane }),
        start(handlers, { backplane }),
      ]);
      const far = await open(there.url);
      await expect.poll(() => there.server.subscribersOf("news")).toBe(1);
      await here.server.publish("news", "far away").carried;
      expect(await far.receive()).toBe("far away");
      const [ws] = there.server.connections;
      ws!.unsubscribe("news");
      expect(there.server.subscribersOf("news")).toBe(0);
    });
  });
});
