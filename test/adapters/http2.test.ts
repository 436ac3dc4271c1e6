import { createSecureServer, createServer, type ServerHttp2Stream } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect, overHttp2 } from "../../adapters/http2.ts";
import { Dialer } from "../../src/handshake/dialer.ts";
import { connectStreamOn } from "../../src/io/connect-stream.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { Server } from "../../src/connection/serve.ts";
import { adapter } from "../support/adapter.ts";
import { certificate, privateKey } from "../support/certificate.ts";
import { text } from "../support/frames.ts";
import { listening, sessionWith } from "../support/http2.ts";
import { runtime } from "../support/runtime.ts";

/** Clients over a session of `node:http2`. */

const enabled = { settings: { enableConnectProtocol: true } };

async function start(
  handlers: ServerHandlers = { message: (ws, data) => ws.send(data) },
): Promise<{ server: Server; url: string; session: ReturnType<typeof sessionWith> }> {
  const http2 = createServer();
  const url = await listening(http2);
  const server = await adapter.serve({ server: http2 }, handlers);
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
  it("waits for a session that is connecting still, and opens many on it", async () => {
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

  it.each([404, 201, 302])("fails with BAD_STATUS where the answer is %d", async (status) => {
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

  it("fails where the server resets the stream, or the session ends, before an answer", async () => {
    const { url, session } = await foreign((stream) => {
      stream.close(2);
    });
    await expect(connect(url, { session })).rejects.toMatchObject({ name: "TransportError" });
    const silent = await foreign((stream) => void stream.session!.destroy());
    await expect(connect(silent.url, { session: silent.session })).rejects.toMatchObject({
      name: "TransportError",
    });
  });

  it("fails with NO_EXTENDED_CONNECT where the server does not take any, at once and later", async () => {
    const url = await listening();
    const session = sessionWith(url);
    const error = { name: "TransportError", code: "NO_EXTENDED_CONNECT" };
    await expect(connect(url.replace("http", "ws"), { session })).rejects.toMatchObject(error);
    await expect(connect(url.replace("http", "ws"), { session })).rejects.toMatchObject(error);
  });

  it("fails where nobody listens, or the session is closed", async () => {
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

  it("wants wss where the session is over TLS, and ws where it is not", async () => {
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

  it("tells what is known of the session's connection, also when that is gone", async () => {
    const http2 = createSecureServer({ cert: certificate, key: privateKey });
    const url = (await listening(http2)).replace("http:", "https:");
    const server = await adapter.serve({ server: http2 }, {});
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

describe(`overHttp2(), on ${runtime}`, () => {
  it("is a way for a Dialer, too", async () => {
    const { url, session } = await start();
    const dialer = new Dialer({
      connect: (to) => connectStreamOn(overHttp2(session), to),
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
  ])("does not go through %s", async (_, options) => {
    const { session } = await start();
    const to = { hostname: "127.0.0.1", port: 1, ...options };
    await expect(overHttp2(session)(to, () => {})).rejects.toThrow(TypeError);
  });
});
