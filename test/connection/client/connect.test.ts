import { describe, expect, expectTypeOf, it } from "vitest";
import { memoryPair, type MemoryTransport } from "../../../adapters/memory/index.ts";
import { zlibEngine } from "../../../adapters/zlib/engine.ts";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { type ClientOptions, connectOn } from "../../../src/connection/client/connect.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import type { Handlers } from "../../../src/connection/handlers.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { DialError, TransportError } from "../../../src/errors.ts";
import type { Connect, ConnectOptions } from "../../../src/transport.ts";
import { answerTo, latin1Bytes, textOf } from "../../handshake/streams.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { close, text } from "../../support/frames.ts";
import { memoryConnect } from "../../support/memory-connect.ts";
import { nameOf, testServer } from "../../support/server.ts";
import { macrotask } from "../../support/turns.ts";

/** One connection that a test answers itself. */
interface Dialled {
  readonly request: string;
  readonly to: ConnectOptions;
  /** The server's end, and the client's. */
  readonly remote: MemoryTransport;
  readonly own: MemoryTransport;
}

/** A way to connect to nobody: `answer` is called with each request when its head is complete. */
function byHand(answer: (dialled: Dialled) => void) {
  const dialled: Dialled[] = [];
  const transports: MemoryTransport[] = [];
  const connect: Connect = async (to, attach) => {
    const [own, remote] = memoryPair();
    transports.push(own);
    const chunks: Uint8Array[] = [];
    remote.handler = {
      onData(chunk) {
        const isComplete = textOf(...chunks).includes("\r\n\r\n");
        chunks.push(chunk.slice());
        const request = textOf(...chunks);
        if (isComplete || !request.includes("\r\n\r\n")) return;
        dialled.push({ request, to, remote, own });
        answer(dialled.at(-1)!);
      },
      onDrain() {},
      onEnd: () => remote.end(),
      onClose() {},
    };
    return attach(own);
  };
  return { connect, dialled, transports };
}

/** Answers with a redirect. */
function redirect({ remote }: Dialled, location: string, status = 302): void {
  remote.write(
    latin1Bytes(`HTTP/1.1 ${status} \r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`),
  );
}

/** What a client's handlers see. */
function recorder(): { handlers: Handlers; lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    handlers: {
      open: () => void lines.push("open"),
      message: (_, data) => void lines.push(`message ${String(data)}`),
      error: (_, error) => void lines.push(`error ${nameOf(error)}`),
      close: (_, { status, initiator }) => void lines.push(`close ${status} ${initiator}`),
    },
  };
}

/** Whatever `work` is rejected with. */
function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.unreachable("It was to fail"),
    (error: unknown) => error,
  );
}

describe("connectOn()", () => {
  it("connects to a server without any runtime, and leaves no timer when all is over", async () => {
    const { server, lines, clock } = testServer({
      upgrade: ({ protocols }) => ({ protocol: protocols[1] }),
      message: (ws, data) => ws.send(`${String(data)}!`),
    });
    const own = new FakeClock();
    const client = recorder();
    const ws = await connectOn(
      memoryConnect(server),
      "ws://localhost/chat?room=1",
      { protocols: ["a", "b"], context: { user: "ann" }, clock: own },
      client.handlers,
    );
    expect(client.lines).toEqual(["open"]);
    expect(ws).toMatchObject({
      protocol: "b",
      extensions: "",
      target: "/chat?room=1",
      context: { user: "ann" },
      remoteAddress: "memory",
      remotePort: undefined,
      state: "open",
    });
    expect(own.running).toBe(0);
    expect(ws.response?.get("sec-websocket-protocol")).toBe("b");
    await ws.send("Hello");
    while (client.lines.length < 2) await macrotask();
    expect(await ws.close(4000, "bye")).toEqual({
      status: 4000,
      reason: "bye",
      clean: true,
      initiator: "local",
    });
    await macrotask();
    expect(client.lines).toEqual(["open", "message Hello!", "close 4000 local"]);
    expect(lines).toEqual(["open", "message Hello", "close 4000 bye clean peer"]);
    expect([own.running, clock.running]).toEqual([0, 0]);
  });

  it("writes its request, and then nothing until there is something to say", async () => {
    const { connect, transports } = byHand(({ request, remote }) =>
      remote.write(answerTo(request)),
    );
    const sizes: number[] = [];
    const counting: Connect = (to, attach) =>
      connect(to, (transport) => {
        const write = transport.write.bind(transport);
        transport.write = (bytes) => {
          sizes.push(bytes.length);
          return write(bytes);
        };
        return attach(transport);
      });
    const ws = await connectOn(counting, "ws://a");
    await macrotask();
    expect([sizes.length, transports.length, ws.state]).toEqual([1, 1, "open"]);
    ws.terminate();
  });

  it("sends its headers, Host, Origin and others", async () => {
    const { connect, dialled } = byHand(({ request, remote }) => remote.write(answerTo(request)));
    await connectOn(connect, "ws://localhost:8080/", {
      host: "inner.example",
      origin: "https://app.example",
      headers: [["Cookie", "a=b"]],
      protocols: [],
      path: "/run/socket",
    });
    const [{ request, to }] = dialled as [Dialled];
    expect(request.split("\r\n")).toEqual(
      expect.arrayContaining(["Host: inner.example", "Origin: https://app.example", "Cookie: a=b"]),
    );
    expect(request).not.toContain("Protocol:");
    expect(to).toMatchObject({ hostname: "localhost", port: 8080, path: "/run/socket" });
    expect(to.tls).toBeUndefined();
  });

  it.each([
    ["ws://a/", { user: "me", password: "secret" }],
    ["ws://me:secret@a/", "url"],
    ["http://me:secret@a/?at=b@c", "url"],
  ] as const)("sends credentials to %s", async (url, auth) => {
    const { connect, dialled } = byHand(({ request, remote }) => remote.write(answerTo(request)));
    await connectOn(connect, url, { auth, headers: [["X-Other", "1"]] });
    const [{ request, to }] = dialled as [Dialled];
    expect(request.split("\r\n")).toContain("Authorization: Basic bWU6c2VjcmV0");
    expect(request).toContain("Host: a\r\n");
    expect(to.hostname).toBe("a");
  });

  it("sends no credentials if the URL has none to ask for", async () => {
    const { connect, dialled } = byHand(({ request, remote }) => remote.write(answerTo(request)));
    await connectOn(connect, "ws://a/", { auth: "url" });
    expect(dialled[0]!.request).not.toContain("Authorization");
  });

  it.each([
    ["ws://a/", { auth: { user: "a:b", password: "" } }, /colon/],
    ["ws://me:%FF@a/", { auth: "url" }, /percent-encoded/],
    ["ws://me:secret@a/", { auth: { user: "me", password: "" } }, /unasked/],
    ["ws://a/", { auth: "me:secret" }, /auth must be "url", or an object/],
    ["ws://a/", { auth: null }, /auth must be/],
    ["ws://a/", { auth: { user: "secret" } }, /auth must be/],
    ["ws://a/", { auth: "url", headers: [["authorization", "Bearer 1"]] }, null],
    ["ws://me@a/", { auth: "url", headers: [["authorization", "Bearer 1"]] }, /both are given/],
  ])("checks credentials: %s with %j", async (url, options, message) => {
    const { connect } = byHand(({ request, remote }) => remote.write(answerTo(request)));
    const work = connectOn(connect, url, options as ClientOptions);
    if (message === null) {
      expect((await work).state).toBe("open");
      return;
    }
    const error = (await failureOf(work)) as Error;
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("secret");
  });

  it("sends credentials on to the same origin alone", async () => {
    const { connect, dialled } = byHand((one) => {
      if (dialled.length === 1) redirect(one, "/next");
      else if (dialled.length === 2) redirect(one, "ws://b/");
      else one.remote.write(answerTo(one.request));
    });
    await connectOn(connect, "ws://me:secret@a/", { auth: "url", redirects: 2 });
    expect(dialled.map(({ request }) => request.includes("Authorization"))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each([
    ["http://a.example/x", 80, false],
    ["HTTPS://a.example/x", 443, true],
    ["ws://a.example/x", 80, false],
    ["wss://a.example:8443/x", 8443, true],
  ])("takes %s", async (url, port, isSecure) => {
    const { connect, dialled } = byHand(({ request, remote }) => remote.write(answerTo(request)));
    const ws = await connectOn(connect, new URL(url), { tls: { ca: "authority" } });
    const [{ to }] = dialled as [Dialled];
    expect([to.hostname, to.port, to.tls]).toEqual([
      "a.example",
      port,
      isSecure ? { ca: "authority" } : undefined,
    ]);
    expect(ws.target).toBe("/x");
  });

  it.each([
    "",
    "a.example",
    "//a.example/",
    "ftp://a.example/",
    "ws://a.example/#part",
    "ws://user:secret@a.example/",
    "ws://a.example:0/",
  ])("rejects what is no URL of a server: %j", async (url) => {
    const { connect, transports } = byHand(() => {});
    const clock = new FakeClock();
    await expect(connectOn(connect, url, { clock })).rejects.toThrow(TypeError);
    expect([transports.length, clock.running]).toEqual([0, 0]);
  });

  it.each<[string, ClientOptions]>([
    ["maxMessageSize", { maxMessageSize: -1 }],
    ["overflow", { overflow: "sink" as never }],
    ["a header", { headers: [["A b", "c"]] }],
    ["compression without an engine", { compression: true }],
    ["a time-out that is NaN", { timeout: NaN }],
    ["a time-out below 0", { timeout: -1 }],
  ])("rejects a wrong option: %s", async (_, options) => {
    const { connect, transports } = byHand(() => {});
    const error = await failureOf(connectOn(connect, "ws://a", options));
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect(transports).toHaveLength(0);
  });

  it("passes on why no connection could be opened", async () => {
    const error = new TransportError("REFUSED");
    const clock = new FakeClock();
    const refusing: Connect = () => Promise.reject(error);
    await expect(connectOn(refusing, "ws://a", { clock })).rejects.toBe(error);
    expect(clock.running).toBe(0);
  });

  it("rejects with what the server answered instead of 101", async () => {
    const { server } = testServer({
      upgrade: () => ({
        status: 401,
        headers: [["WWW-Authenticate", "Basic"]],
        body: "Who are you?",
      }),
    });
    const client = recorder();
    const clock = new FakeClock();
    const transports: MemoryTransport[] = [];
    const error = (await failureOf(
      connectOn(memoryConnect(server, transports), "ws://a", { clock }, client.handlers),
    )) as DialError;
    expect(error).toBeInstanceOf(DialError);
    expect(error).toMatchObject({ code: "BAD_STATUS", status: 401 });
    expect(error.headers).toContainEqual(["WWW-Authenticate", "Basic"]);
    expect(textOf(error.body)).toBe("Who are you?");
    expect(client.lines).toEqual([]);
    await macrotask();
    expect(clock.running).toBe(0);
  });

  it("carries the type of its context", () => {
    const connecting = (): Promise<Connection<{ user: string }>> =>
      connectOn(
        byHand(() => {}).connect,
        "ws://a",
        { context: { user: "ann" } },
        {
          message(ws) {
            expectTypeOf(ws.context).toEqualTypeOf<{ user: string }>();
          },
        },
      );
    expectTypeOf(connecting).returns.resolves.toHaveProperty("context");
  });

  it("agrees with a server upon compression", async () => {
    const engine = zlibEngine();
    const { server } = testServer(
      { message: (ws, data) => ws.send(data) },
      { compression: { engine } },
    );
    const client = recorder();
    const options = { compression: true };
    const ws = await connectOn(memoryConnect(server), "ws://a", options, client.handlers, {
      engine,
    });
    expect(ws.extensions).toMatch(/^permessage-deflate/);
    expect(server.connections[0]!.extensions).toBe(ws.extensions);
    const message = "Hello, ".repeat(1000);
    await ws.send(message);
    while (client.lines.length < 2) await macrotask();
    expect(client.lines).toEqual(["open", `message ${message}`]);
    expect(ws.counters.sent.ratio).toBeGreaterThan(10);
    expect(ws.counters.received.ratio).toBeGreaterThan(10);
    await ws.close();
  });

  it("keeps the connection alive as a server does", async () => {
    const { server } = testServer();
    const clock = new FakeClock();
    const transports: MemoryTransport[] = [];
    const client = recorder();
    const options = { clock, pingInterval: 1000, pongTimeout: 500 };
    const ws = await connectOn(
      memoryConnect(server, transports),
      "ws://a",
      options,
      client.handlers,
    );
    clock.advance(1000);
    await macrotask();
    expect([ws.roundTripTime, clock.running]).toEqual([0, 1]);
    server.connections[0]!.terminate();
    await ws.closed;
    expect(client.lines).toEqual(["open", "error UNEXPECTED_END", "close 1006 transport"]);
    expect(clock.running).toBe(0);
  });

  it("reports to the observer", async () => {
    const { server } = testServer();
    const lines: string[] = [];
    const observer = {
      opened: (ws: Connection) => void lines.push(`opened ${ws.target}`),
      failed: (_: Connection, error: unknown) => void lines.push(`failed ${nameOf(error)}`),
      closed: () => void lines.push("closed"),
      refused: () => void lines.push("refused"),
    };
    const ws = await connectOn(memoryConnect(server), "ws://a/b", {}, {}, { observer });
    server.connections[0]!.terminate();
    await ws.closed;
    expect(lines).toEqual(["opened /b", "failed UNEXPECTED_END", "closed"]);
  });
});

describe("what comes right behind the 101", () => {
  const one = text("one");
  const two = text("two");

  it.each([
    ["in one chunk", (answer: Uint8Array) => [concat([answer, one, two])]],
    ["in chunks that come at once", (answer: Uint8Array) => [answer, one, two]],
    [
      "cut inside a frame",
      (answer: Uint8Array) => [
        concat([answer, one.subarray(0, 3)]),
        concat([one.subarray(3), two]),
      ],
    ],
  ])("is not lost: messages %s", async (_, cut) => {
    const { connect } = byHand(({ request, remote }) => {
      for (const chunk of cut(answerTo(request))) remote.write(chunk);
    });
    const client = recorder();
    await connectOn(connect, "ws://a", {}, client.handlers);
    await macrotask();
    expect(client.lines).toEqual(["open", "message one", "message two"]);
    const pulled = await connectOn(connect, "ws://a");
    expect([await pulled.receive(), await pulled.receive()]).toEqual(["one", "two"]);
  });

  it("is not lost if it is more than a stream would keep", async () => {
    const large = text("x".repeat(100_000));
    const { connect } = byHand(({ request, remote }) => {
      remote.write(concat([answerTo(request), large]));
      remote.write(two);
    });
    const ws = await connectOn(connect, "ws://a");
    expect(await ws.receive()).toHaveLength(100_000);
    expect(await ws.receive()).toBe("two");
  });

  it("may be a close frame", async () => {
    const { connect } = byHand(({ request, remote }) => {
      remote.write(concat([answerTo(request), one, close(1012)]));
    });
    const client = recorder();
    const ws = await connectOn(connect, "ws://a", {}, client.handlers);
    expect(await ws.closed).toMatchObject({ status: 1012, clean: true, initiator: "peer" });
    expect(client.lines).toEqual(["open", "message one", "close 1012 peer"]);
  });

  it.each(["with", "without"])(
    "may be the end of the stream, %s a message before it",
    async (how) => {
      const { connect } = byHand(({ request, remote }) => {
        remote.write(concat(how === "with" ? [answerTo(request), one] : [answerTo(request)]));
        remote.end();
      });
      const client = recorder();
      const clock = new FakeClock();
      const ws = await connectOn(connect, "ws://a", { clock }, client.handlers);
      expect(await ws.closed).toMatchObject({
        status: 1006,
        clean: false,
        initiator: "transport",
        error: { code: "UNEXPECTED_END" },
      });
      const messages = how === "with" ? ["message one"] : [];
      expect(client.lines).toEqual([
        "open",
        ...messages,
        "error UNEXPECTED_END",
        "close 1006 transport",
      ]);
      expect(clock.running).toBe(0);
    },
  );

  it.each([
    [new Error("ECONNRESET"), "RESET"],
    [undefined, "UNEXPECTED_END"],
  ])("may be the end of the connection: %s", async (cause, code) => {
    const { connect } = byHand(({ request, remote, own }) => {
      const { handler } = own;
      own.handler = {
        onData(chunk) {
          handler.onData(chunk);
          own.handler = handler;
          if (cause === undefined) own.destroy();
          else own.reset(cause);
        },
        onDrain() {},
        onEnd() {},
        onClose() {},
      };
      remote.write(concat([answerTo(request), one]));
    });
    const client = recorder();
    const clock = new FakeClock();
    const ws = await connectOn(connect, "ws://a", { clock }, client.handlers);
    const closure = await ws.closed;
    expect(closure).toMatchObject({ status: 1006, initiator: "transport", error: { code } });
    expect((closure.error as Error).cause).toBe(cause);
    expect(client.lines).toEqual(["open", "message one", `error ${code}`, "close 1006 transport"]);
    expect(clock.running).toBe(0);
  });
});

describe("the timeout of connectOn()", () => {
  const late = { name: "TimeoutError", code: "DIAL_TIMEOUT" };

  it("limits connecting, and gives it up", async () => {
    const clock = new FakeClock();
    let isGivenUp = false;
    const never: Connect = ({ signal }) => {
      signal!.addEventListener("abort", () => {
        isGivenUp = true;
      });
      return new Promise(() => {});
    };
    const failed = failureOf(connectOn(never, "ws://a", { clock, timeout: 5000 }));
    clock.advance(4900);
    expect(isGivenUp).toBe(false);
    clock.advance(200);
    expect(await failed).toMatchObject({ ...late, limit: 5000 });
    expect([isGivenUp, clock.running]).toEqual([true, 0]);
  });

  it("limits the handshake, and closes the connection", async () => {
    const clock = new FakeClock();
    const { connect, dialled } = byHand(() => {});
    const failed = failureOf(connectOn(connect, "ws://a", { clock }));
    while (dialled.length === 0) await macrotask();
    clock.advance(30_000 + 100);
    expect(await failed).toMatchObject({ ...late, limit: 30_000 });
    await macrotask();
    expect(clock.running).toBe(0);
  });

  it("limits all redirects together", async () => {
    const clock = new FakeClock();
    const { connect, dialled } = byHand((one) => {
      void Promise.resolve().then(() => {
        clock.advance(1000);
        redirect(one, `/${dialled.length}`);
      });
    });
    const options = { clock, timeout: 4500, redirects: Infinity };
    expect(await failureOf(connectOn(connect, "ws://a", options))).toMatchObject(late);
    expect(dialled).toHaveLength(5);
    await macrotask();
    expect(clock.running).toBe(0);
  });

  it.each([0, Infinity])("sets no limit if it is %d", async (timeout) => {
    const clock = new FakeClock();
    const { connect, dialled } = byHand(() => {});
    const connecting = connectOn(connect, "ws://a", { clock, timeout });
    while (dialled.length === 0) await macrotask();
    clock.advance(1e9);
    const [{ request, remote }] = dialled as [Dialled];
    remote.write(answerTo(request));
    expect((await connecting).state).toBe("open");
  });

  it("has no effect once the connection is open", async () => {
    const { server } = testServer();
    const clock = new FakeClock();
    const ws = await connectOn(memoryConnect(server), "ws://a", { clock, timeout: 1000 });
    clock.advance(10_000);
    await macrotask();
    expect(ws.state).toBe("open");
  });
});

describe("the signal of connectOn()", () => {
  const reason = new Error("Changed my mind");

  it("keeps it from beginning if it is aborted already", async () => {
    const { connect, transports } = byHand(() => {});
    const signal = AbortSignal.abort(reason);
    await expect(connectOn(connect, "ws://a", { signal })).rejects.toBe(reason);
    expect(transports).toHaveLength(0);
  });

  it("ends connecting", async () => {
    const controller = new AbortController();
    const seen: unknown[] = [];
    const never: Connect = ({ signal }) =>
      new Promise((_, reject) => {
        signal!.addEventListener("abort", () => {
          seen.push(signal!.reason);
          reject(new Error("given up"));
        });
      });
    const failed = failureOf(connectOn(never, "ws://a", { signal: controller.signal }));
    await macrotask();
    controller.abort(reason);
    expect(await failed).toBe(reason);
    expect(seen).toEqual([reason]);
  });

  it("ends the handshake", async () => {
    const controller = new AbortController();
    const clock = new FakeClock();
    const { connect } = byHand(() => {
      controller.abort(reason);
    });
    const options = { signal: controller.signal, clock };
    expect(await failureOf(connectOn(connect, "ws://a", options))).toBe(reason);
    await macrotask();
    expect(clock.running).toBe(0);
  });

  it("ends it between redirects", async () => {
    const controller = new AbortController();
    const { connect, dialled } = byHand((one) => {
      redirect(one, "/next");
      if (dialled.length === 2) controller.abort(reason);
    });
    const options = { signal: controller.signal, redirects: 5 };
    expect(await failureOf(connectOn(connect, "ws://a", options))).toBe(reason);
    expect(dialled).toHaveLength(2);
  });

  it("ends it in whichever turn it aborts, unless the connection is open", async () => {
    const ends = new Set<string>();
    for (let turns = 0; turns < 60; turns++) {
      const controller = new AbortController();
      const clock = new FakeClock();
      const { connect, transports } = byHand(({ request, remote }) => {
        remote.write(answerTo(request));
        let left = turns;
        const step = (): void => {
          if (left-- === 0) controller.abort(reason);
          else queueMicrotask(step);
        };
        step();
      });
      const client = recorder();
      const options = { signal: controller.signal, clock };
      const opened = await connectOn(connect, "ws://a", options, client.handlers).catch(
        (error: unknown) => error,
      );
      await macrotask();
      const isOpen = opened !== reason;
      ends.add(isOpen ? "open" : "aborted");
      expect(client.lines).toEqual(isOpen ? ["open"] : []);
      expect(clock.running).toBe(0);
      // Nobody keeps the stream of a connection that was given up.
      let isClosed = false;
      transports[0]!.write(encodeUtf8("x"));
      const { handler } = transports[0]!;
      transports[0]!.handler = {
        ...handler,
        onClose: () => {
          isClosed = true;
        },
        onData() {},
        onDrain() {},
        onEnd() {},
      };
      transports[0]!.destroy();
      await macrotask();
      expect(isClosed).toBe(isOpen);
    }
    expect(ends).toEqual(new Set(["open", "aborted"]));
  });

  it("has no effect once the connection is open", async () => {
    const { server } = testServer();
    const controller = new AbortController();
    const ws = await connectOn(memoryConnect(server), "ws://a", { signal: controller.signal });
    controller.abort(reason);
    await macrotask();
    expect(ws.state).toBe("open");
    await ws.close();
  });
});

describe("the redirects of connectOn()", () => {
  /** Servers that redirect by their tables: "host/path" to a Location; what is not in it opens. */
  function servers(table: Readonly<Record<string, string>>) {
    return byHand((one) => {
      const [, path] = one.request.split(" ");
      const location = table[`${one.to.hostname}${path}`];
      if (location === undefined) one.remote.write(answerTo(one.request));
      else redirect(one, location);
    });
  }

  it("are not followed by default", async () => {
    const { connect, dialled } = servers({ "a/": "/b" });
    const error = (await failureOf(connectOn(connect, "ws://a/"))) as DialError;
    expect(error).toMatchObject({ name: "DialError", code: "BAD_STATUS", status: 302 });
    expect(error.headers).toContainEqual(["Location", "/b"]);
    expect(dialled).toHaveLength(1);
  });

  it("lead to the connection, which knows its URL", async () => {
    const { connect, dialled } = servers({ "a/x/": "y?z=1", "a/x/y?z=1": "http://b:8080/end" });
    const ws = await connectOn(connect, "ws://a/x/", { redirects: 2 });
    expect(ws.target).toBe("/end");
    expect(dialled.map(({ to, request }) => [to.hostname, to.port, request.split(" ")[1]])).toEqual(
      [
        ["a", 80, "/x/"],
        ["a", 80, "/x/y?z=1"],
        ["b", 8080, "/end"],
      ],
    );
  });

  it("end with an error if there are too many", async () => {
    const { connect, dialled } = servers({ "a/": "/b", "a/b": "/" });
    const error = await failureOf(connectOn(connect, "ws://a/", { redirects: 7 }));
    expect(error).toMatchObject({ code: "BAD_STATUS", status: 302 });
    expect(dialled).toHaveLength(8);
  });

  it("never lead from wss to ws", async () => {
    const { connect, dialled } = servers({ "a/": "http://a/b" });
    const error = await failureOf(connectOn(connect, "wss://a/", { redirects: 7 }));
    expect(error).toMatchObject({ status: 302 });
    expect(dialled).toHaveLength(1);
  });

  it.each(["", "http://[", "ftp://a/", "ws://user:secret@a/"])(
    "end with the answer whose Location is %j",
    async (location) => {
      const { connect } = byHand((one) => {
        redirect(one, location);
      });
      const error = await failureOf(connectOn(connect, "ws://a/", { redirects: 1 }));
      expect(error).toMatchObject({ name: "DialError", status: 302 });
    },
  );

  const told: ClientOptions = {
    redirects: 1,
    headers: [
      ["Authorization", "Bearer 1"],
      ["User-Agent", "tests"],
    ],
    origin: "https://app.example",
    host: "inner.example",
    path: "/run/socket",
    tls: { ca: "authority", cert: "mine", key: "secret", serverName: "inner.example" },
    protocols: ["chat"],
  };

  it("take everything to the same origin", async () => {
    const { connect, dialled } = servers({ "a/": "https://a:443/b" });
    await connectOn(connect, "wss://a/", told);
    const [, { request, to }] = dialled as [Dialled, Dialled];
    for (const line of [
      "Authorization: Bearer 1",
      "User-Agent: tests",
      "Origin: https://app.example",
      "Host: inner.example",
      "Sec-WebSocket-Protocol: chat",
    ]) {
      expect(request).toContain(`\r\n${line}\r\n`);
    }
    expect(to).toMatchObject({ path: "/run/socket", tls: told.tls });
  });

  it.each(["https://b/x", "https://a:8443/x"])(
    "take nothing private to another origin: %s",
    async (location) => {
      const { connect, dialled } = servers({ "a/": location });
      await connectOn(connect, "wss://a/", { ...told, protocols: undefined });
      const [, { request, to }] = dialled as [Dialled, Dialled];
      expect(request).not.toMatch(/Authorization|Origin|inner\.example/);
      expect(request).toContain("\r\nUser-Agent: tests\r\n");
      expect(to.path).toBeUndefined();
      expect(to.tls).toEqual({ ca: "authority" });
    },
  );

  it("take subprotocols to no other origin", async () => {
    const { connect, dialled } = servers({ "a/": "https://b/x" });
    const error = (await failureOf(connectOn(connect, "wss://a/", told))) as DialError;
    expect(error).toMatchObject({ code: "BAD_STATUS", status: 302 });
    expect(error.headers).toContainEqual(["Location", "https://b/x"]);
    expect(dialled).toHaveLength(1);
  });

  it("take subprotocols from ws to wss of the same host", async () => {
    const { connect, dialled } = servers({ "a/": "https://a/x" });
    const ws = await connectOn(connect, "ws://a/", { protocols: ["chat"], redirects: 1 });
    expect(ws.state).toBe("open");
    expect(dialled[1]?.request).toContain("\r\nSec-WebSocket-Protocol: chat\r\n");
  });

  it("leave no connection behind", async () => {
    const closed = newDeferred<void>();
    const { connect } = byHand((one) => {
      if (one.request.startsWith("GET /b")) {
        one.remote.write(answerTo(one.request));
      } else {
        one.remote.handler.onClose = () => {
          closed.resolve();
        };
        redirect(one, "/b");
      }
    });
    const clock = new FakeClock();
    const ws = await connectOn(connect, "ws://a/", { redirects: 1, clock });
    await closed.promise;
    expect([ws.state, clock.running]).toEqual(["open", 0]);
  });
});
