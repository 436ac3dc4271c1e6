import { createSecureServer, createServer, type ServerHttp2Stream } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect as connectHttp2, overHttp2 } from "../../../adapters/http2/index.ts";
import { Dialer } from "../../../src/handshake/client/dialer.ts";
import { connectStreamOn } from "../../../src/io/connect-stream.ts";
import type { Connection } from "../../../src/connection/connection.ts";
import type { ServerHandlers } from "../../../src/connection/handlers.ts";
import type { Server } from "../../../src/connection/server/serve.ts";
import { adapter } from "../../support/adapter.ts";
import { certificate, privateKey } from "../../support/certificate.ts";
import { text } from "../../support/frames.ts";
import { listening, sessionWith } from "../../support/http2.ts";
import {
  EnableConnectProtocol,
  Headers,
  MaxConcurrentStreams,
  rawServer,
  RstStream,
} from "../../support/http2-raw.ts";
import { runtime } from "../../support/runtime.ts";
import { macrotask } from "../../support/turns.ts";

/** Clients over a session of `node:http2`. */

/** On Deno, too, which has HTTP/2 at one's own risk: http2-risk.test.ts. */
const connect: typeof connectHttp2 = (url, options, handlers) =>
  connectHttp2(url, { ...options, http2MayCrash: true }, handlers);

const enabled = { settings: { enableConnectProtocol: true } };

async function start(
  handlers: ServerHandlers = { message: (ws, data) => ws.send(data) },
): Promise<{ server: Server; url: string; session: ReturnType<typeof sessionWith> }> {
  const http2 = createServer();
  const url = await listening(http2);
  const server = await adapter.serve({ server: http2, http2MayCrash: true }, handlers);
  onTestFinished(async () => void (await server.shutdown({ deadline: 0 })));
  return { server, url: url.replace("http", "ws"), session: sessionWith(url) };
}

/** A server that nothing of framewire is in. */
async function foreign(
  answer: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void,
): Promise<{ url: string; session: ReturnType<typeof sessionWith> }> {
  const http2 = createServer(enabled);
  http2.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    answer(stream, headers);
  });
  const url = await listening(http2);
  return { url: url.replace("http", "ws"), session: sessionWith(url) };
}

describe(`connect() over HTTP/2, on ${runtime}`, () => {
  it("waits for a session that is still connecting, and opens many connections on it", async () => {
    const { server, url, session } = await start();
    const opened = await Promise.all(
      Array.from({ length: 10 }, (_, i) => connect(`${url}/${i}`, { session })),
    );
    expect(server.connections.map((ws) => ws.target).sort()).toEqual(
      opened.map((_, i) => `/${i}`).sort(),
    );
    for (const ws of opened) {
      await ws.send(ws.target);
      expect(await ws.receive()).toBe(ws.target);
    }
    const ports = new Set(server.connections.map((ws) => ws.remotePort));
    expect(ports).toEqual(new Set([opened[0]!.localPort]));
    for (const ws of opened) expect(await ws.close()).toMatchObject({ clean: true });
    // The session is its owner's, and lives on.
    expect(session.closed).toBe(false);
    expect((await connect(url, { session })).state).toBe("open");
  });

  it("sends what RFC 8441 asks for, and nothing of HTTP/1.1", async () => {
    const seen: Record<string, unknown>[] = [];
    const { url, session } = await foreign((stream, headers) => {
      seen.push(headers);
      stream.respond({ ":status": 200, "sec-websocket-protocol": "b" });
      stream.write(text("early"));
    });
    const options = { session, protocols: ["a", "b"], headers: [["X-A", "1"]] as const };
    const ws = await connect(`${url}/chat?x`, options);
    expect(ws.protocol).toBe("b");
    expect(await ws.receive()).toBe("early");
    expect(Object.fromEntries(Object.entries(seen[0]!))).toEqual({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":authority": new URL(url).host,
      ":path": "/chat?x",
      "sec-websocket-version": "13",
      "sec-websocket-protocol": "a, b",
      "x-a": "1",
    });
    ws.terminate();
  });

  it.each([404, 201, 302])("fails with BAD_STATUS if the answer is %d", async (status) => {
    const { url, session } = await foreign((stream) => {
      stream.respond({ ":status": status, "x-why": "no", location: "/there" });
      stream.end("body");
    });
    await expect(connect(url, { session })).rejects.toMatchObject({
      name: "DialError",
      code: "BAD_STATUS",
      status,
    });
  });

  it("fails if the server resets the stream, or the session ends, before an answer", async () => {
    const { url, session } = await foreign((stream) => {
      stream.close(2);
    });
    await expect(connect(url, { session })).rejects.toMatchObject({ name: "TransportError" });
    const silent = await foreign((stream) => void stream.session!.destroy());
    await expect(connect(silent.url, { session: silent.session })).rejects.toMatchObject({
      name: "TransportError",
    });
  });

  it("fails with NO_EXTENDED_CONNECT if the server takes no extended CONNECT, at once and later", async () => {
    const url = await listening();
    const session = sessionWith(url);
    const error = { name: "TransportError", code: "NO_EXTENDED_CONNECT" };
    await expect(connect(url.replace("http", "ws"), { session })).rejects.toMatchObject(error);
    await expect(connect(url.replace("http", "ws"), { session })).rejects.toMatchObject(error);
  });

  it("fails if nobody listens, or if the session is closed", async () => {
    const { url } = await start();
    const closed = sessionWith(url.replace("ws", "http"));
    closed.close();
    await expect(connect(url, { session: closed })).rejects.toMatchObject({
      name: "TransportError",
      code: "FAILED",
    });
    const nowhere = sessionWith("http://127.0.0.1:1");
    await expect(connect("ws://127.0.0.1:1", { session: nowhere })).rejects.toMatchObject({
      name: "TransportError",
      code: "REFUSED",
    });
  });

  it("fails with the signal's reason, and leaves nothing on the session", async () => {
    const { url, session } = await start();
    const before = session.listenerCount("remoteSettings");
    const controller = new AbortController();
    const connecting = connect(url, { session, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(connecting).rejects.toThrow("enough");
    expect(session.listenerCount("remoteSettings")).toBe(before);
    expect((await connect(url, { session })).state).toBe("open");
  });

  it("has one listener for each event of the session, however many connections wait for its settings", async () => {
    const { server, url, session } = await start();
    const events = ["connect", "remoteSettings", "localSettings", "close", "error"];
    const counts = () => events.map((event) => session.listenerCount(event));
    const before = counts();
    const controllers = Array.from({ length: 30 }, () => new AbortController());
    const attempts = controllers.map(({ signal }) => connect(url, { session, signal }));
    expect(counts()).toEqual(before.map((count) => count + 1));
    controllers[0]!.abort(new Error("enough"));
    await expect(attempts[0]).rejects.toThrow("enough");
    expect(counts()).toEqual(before.map((count) => count + 1));
    await Promise.all(attempts.slice(1));
    expect(counts()).toEqual(before);
    expect(server.connections.length).toBe(29);
  });

  it("rejects all connections that wait when the session fails", async () => {
    const session = sessionWith("http://127.0.0.1:1");
    const attempts = Array.from({ length: 12 }, () => connect("ws://127.0.0.1:1", { session }));
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ reason: { name: "TransportError", code: "REFUSED" } });
    }
  });

  // Deno asks for it all the same as soon as there is room, and ends it with END_STREAM.
  it.skipIf(runtime === "deno")(
    "asks for no stream if the connection is given up while it waits for maxConcurrentStreams",
    async () => {
      const peer = await rawServer([
        [MaxConcurrentStreams, 1],
        [EnableConnectProtocol, 1],
      ]);
      const session = sessionWith(peer.url);
      const url = peer.url.replace("http", "ws");
      const first = connect(url, { session });
      const { frame: asked, answer } = await peer.next(Headers);
      answer(asked.stream);
      const ws = await first;
      const controller = new AbortController();
      const second = connect(url, { session, signal: controller.signal });
      await macrotask();
      controller.abort(new Error("enough"));
      await expect(second).rejects.toThrow("enough");
      ws.terminate();
      await peer.next(RstStream);
      // What the session sends behind it is the third request, and nothing of the second.
      const third = connect(url, { session });
      const { frame: next } = await peer.next(Headers);
      answer(next.stream);
      (await third).terminate();
      await peer.next(RstStream);
      const asks = peer.frames.filter(({ type }) => type === Headers);
      expect(asks.map(({ stream }) => stream)).toEqual([asked.stream, next.stream]);
      const streams = new Set(peer.frames.map(({ stream }) => stream));
      expect(streams).toEqual(new Set([0, asked.stream, next.stream]));
    },
  );

  it("resets the stream with CANCEL if the connection is given up before the answer", async () => {
    const peer = await rawServer([[EnableConnectProtocol, 1]]);
    const session = sessionWith(peer.url);
    const controller = new AbortController();
    const attempt = connect(peer.url.replace("http", "ws"), { session, signal: controller.signal });
    const { frame } = await peer.next(Headers);
    controller.abort(new Error("enough"));
    await expect(attempt).rejects.toThrow("enough");
    const reset = await peer.next(RstStream);
    expect(reset.frame).toMatchObject({ stream: frame.stream, code: 8 });
  });

  it("wants wss if the session uses TLS, and ws if it does not", async () => {
    const { url, session } = await start();
    await expect(connect(url.replace("ws:", "wss:"), { session })).rejects.toThrow(
      new TypeError("The session is not over TLS: the URL's scheme must be ws"),
    );
    const secure = createSecureServer({ cert: certificate, key: privateKey, ...enabled });
    const secureUrl = (await listening(secure)).replace("http:", "https:");
    const overTls = sessionWith(secureUrl, { rejectUnauthorized: false });
    await expect(connect(secureUrl.replace("https", "ws"), { session: overTls })).rejects.toThrow(
      new TypeError("The session is over TLS: the URL's scheme must be wss"),
    );
  });

  it.each(["tls", "path", "proxy", "proxyTls", "redirects", "noDelay", "keepAlive"])(
    "has no use for %s, and says so",
    async (name) => {
      const { url, session } = await start();
      const options = { session, [name]: {} };
      await expect(connect(url, options)).rejects.toThrow(
        new TypeError(`${name} has no use here: the session has its connection already`),
      );
    },
  );

  it.each<[unknown, string]>([
    [
      undefined,
      "options must be an object: Undefined; " +
        "write connect(url, { session }, { message: (ws, data) => console.log(data) })",
    ],
    [{}, "session must be a session of node:http2: Undefined"],
    [{ session: {} }, "session must be a session of node:http2: Object"],
    [{ sesion: {} }, "Unknown option sesion: did you mean session?"],
    [{ http2Maycrash: true }, "Unknown option http2Maycrash: did you mean http2MayCrash?"],
    [{ http2MayCrash: 1 }, "http2MayCrash must be true or false: 1 is a number"],
    [{ pingIntervall: 5 }, "Unknown option pingIntervall: did you mean pingInterval?"],
  ])("refuses the options %j, and says what is wrong", async (options, message) => {
    await expect(connectHttp2("ws://127.0.0.1:1", options as never)).rejects.toThrow(
      new TypeError(message),
    );
  });

  it("tells the facts about the session's connection, also when it is gone", async () => {
    const http2 = createSecureServer({ cert: certificate, key: privateKey });
    const url = (await listening(http2)).replace("http:", "https:");
    const server = await adapter.serve({ server: http2, http2MayCrash: true }, {});
    onTestFinished(async () => void (await server.shutdown({ deadline: 0 })));
    const session = sessionWith(url, { rejectUnauthorized: false });
    const ws = await connect(url.replace("https", "wss"), { session });
    const { tls } = ws;
    expect(ws).toMatchObject({ remoteAddress: "127.0.0.1", encrypted: true });
    expect(tls!.alpnProtocol).toBe("h2");
    session.destroy();
    expect(await ws.closed).toMatchObject({ status: 1006 });
    expect(tls!.alpnProtocol).toBeUndefined();
    expect(ws.remoteAddress).toBe("127.0.0.1");
  });
});

describe(`neighbours on one session, on ${runtime}`, () => {
  const never = (): Promise<void> => new Promise(() => {});
  const chunk = new Uint8Array(16 * 1024);

  /** Sends until the other side takes no more. */
  async function flood(ws: Connection): Promise<void> {
    while (ws.state === "open") {
      const sent = ws.send(chunk);
      if (ws.bufferedAmount > 2 ** 20) return void sent.catch(() => {});
      await Promise.race([sent, macrotask()]).catch(() => {});
    }
  }

  it.each(["client", "server"] as const)(
    "are heard while one that its peer does not read is full: the %s sends",
    async (sender) => {
      const full: Connection[] = [];
      const { server, url, session } = await start({
        open: (ws) => void (ws.target === "/full" && full.push(ws)),
        message: (ws, data) => (ws.target === "/full" ? never() : void ws.send(data)),
      });
      const deaf = await connect(`${url}/full`, { session }, { message: never });
      const neighbours = await Promise.all(
        Array.from({ length: 3 }, (_, i) => connect(`${url}/${i}`, { session })),
      );
      const theirs = server.connections.filter((ws) => ws.target !== "/full");
      await flood(sender === "client" ? deaf : full[0]!);
      const [from, to] = sender === "client" ? [neighbours, theirs] : [theirs, neighbours];
      if (sender === "client") {
        for (const ws of from) {
          for (let i = 0; i < 10; i++) await ws.send(`${i}`);
          for (let i = 0; i < 10; i++) expect(await ws.receive()).toBe(`${i}`);
          expect(await ws.close()).toMatchObject({ clean: true });
        }
      } else {
        // Nothing of these clients comes meanwhile.
        for (let i = 0; i < 10; i++) for (const ws of from) void ws.send(`${i}`);
        for (const ws of to) {
          for (let i = 0; i < 10; i++) expect(await ws.receive()).toBe(`${i}`);
        }
      }
      deaf.terminate();
    },
  );
});

describe(`overHttp2(), on ${runtime}`, () => {
  it("refuses what is no session, and options that it does not know", () => {
    expect(() => overHttp2(undefined as never)).toThrow(
      new TypeError("session must be a session of node:http2: Undefined"),
    );
    const session = sessionWith("http://127.0.0.1:1");
    expect(() => overHttp2(session, { http2: true } as never)).toThrow(
      new TypeError("Unknown option http2"),
    );
  });

  it("works for a Dialer, too", async () => {
    const { url, session } = await start();
    const dialer = new Dialer({
      connect: (to) => connectStreamOn(overHttp2(session, { http2MayCrash: true }), to),
    });
    const stream = await dialer.dial(url);
    await stream.write(text("Hello", { masked: true }));
    const into = new Uint8Array(16);
    expect(await stream.read(into)).toBeGreaterThan(0);
    await stream.close();
  });

  it.each<[string, object]>([
    ["a path", { path: "/run/x.sock" }],
    ["a tunnel", { tunnel: async () => {} }],
  ])("refuses to go through %s", async (_, options) => {
    const { session } = await start();
    const to = { hostname: "127.0.0.1", port: 1, ...options };
    await expect(overHttp2(session, { http2MayCrash: true })(to, () => {})).rejects.toThrow(
      TypeError,
    );
  });
});
