import { createServer as createHttp1Server } from "node:http";
import { createSecureServer, createServer } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { isHttp2Server } from "../../../adapters/http2/server.ts";
import { encodeUtf8 } from "../../../src/bytes.ts";
import type { ServerHandlers } from "../../../src/connection/handlers.ts";
import type { Server } from "../../../src/connection/server/serve.ts";
import { adapter } from "../../support/adapter.ts";
import { authority, certificate, privateKey } from "../../support/certificate.ts";
import { ping, text, toHex } from "../../support/frames.ts";
import {
  bytesOf,
  extendedConnect,
  listening,
  request,
  responseOf,
  sessionWith,
  settings,
} from "../../support/http2.ts";
import { runtime } from "../../support/runtime.ts";

/** Servers of `node:http2` against clients that are `node:http2` and nothing else. */

async function start(
  handlers: ServerHandlers = { message: (ws, data) => ws.send(data) },
  http2 = createServer((_, response) => {
    response.end("plain");
  }),
): Promise<{ server: Server; url: string }> {
  const url = await listening(http2);
  const server = await adapter.serve({ server: http2, http2MayCrash: true }, handlers);
  onTestFinished(async () => void (await server.shutdown({ deadline: 0 })));
  return { server, url };
}

async function open(url: string) {
  const session = sessionWith(url);
  await settings(session);
  return session;
}

describe(`a server of node:http2 on ${runtime}`, () => {
  it("is told apart from other servers", () => {
    expect(isHttp2Server(createServer())).toBe(true);
    expect(isHttp2Server(createSecureServer({ cert: certificate, key: privateKey }))).toBe(true);
    expect(isHttp2Server(createHttp1Server())).toBe(false);
  });

  it("opens a WebSocket with 200, takes frames in DATA, and ends the stream after the close frame", async () => {
    const { url } = await start({
      upgrade: (offer) => ({ protocol: offer.protocols[0], headers: [["X-Path", offer.target]] }),
      message: (ws, data) => ws.send(data),
    });
    const session = await open(url);
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const stream = request(session, {
      ...extendedConnect,
      ":path": "/chat?x",
      "sec-websocket-protocol": "b, a",
    });
    const headers = await responseOf(stream);
    expect(headers).toMatchObject({
      ":status": 200,
      "sec-websocket-protocol": "b",
      "x-path": "/chat?x",
    });
    // They have no place in HTTP/2: a client must take such a response for malformed (RFC 9113, 8.2.2; RFC 8441, 5).
    for (const name of ["connection", "upgrade", "sec-websocket-accept"]) {
      expect(headers).not.toHaveProperty(name);
    }
    const output = bytesOf(stream);
    stream.write(text("Hello", { masked: true }));
    stream.write(new Uint8Array([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    expect(toHex(await output)).toBe("81 05 48 65 6c 6c 6f 88 02 03 e8".replaceAll(" ", ""));
    stream.end();
  });

  it("serves many WebSockets on one session, beside plain requests", async () => {
    const { server, url } = await start();
    const session = await open(url);
    const streams = Array.from({ length: 20 }, () => request(session));
    await Promise.all(streams.map(responseOf));
    expect(server.connections).toHaveLength(20);
    const plain = session.request({ ":path": "/page" });
    expect((await responseOf(plain))[":status"]).toBe(200);
    expect(await bytesOf(plain)).toEqual(encodeUtf8("plain"));
    const replies = streams.map(
      (stream) => new Promise<Uint8Array>((resolve) => stream.once("data", resolve)),
    );
    streams.forEach((stream, i) => stream.write(text(`${i}`, { masked: true })));
    const texts = (await Promise.all(replies)).map((bytes) =>
      String.fromCharCode(...bytes.slice(2)),
    );
    expect(texts).toEqual(streams.map((_, i) => `${i}`));
  });

  it("answers 501 to another protocol (RFC 9220, 3)", async () => {
    const { server, url } = await start();
    const session = await open(url);
    const stream = request(session, { ...extendedConnect, ":protocol": "connect-udp" });
    const answer = bytesOf(stream);
    expect((await responseOf(stream))[":status"]).toBe(501);
    expect(String.fromCharCode(...(await answer))).toContain("websocket alone");
    expect(server.connections).toEqual([]);
  });

  it.each<[string, Record<string, string>, number]>([
    ["another version", { "sec-websocket-version": "8" }, 426],
    ["a malformed offer of subprotocols", { "sec-websocket-protocol": "a b" }, 400],
  ])("refuses an extended CONNECT with %s", async (_, changes, status) => {
    const { url } = await start();
    const session = await open(url);
    const stream = request(session, { ...extendedConnect, ...changes });
    expect((await responseOf(stream))[":status"]).toBe(status);
  });

  it("answers a plain CONNECT with 405, as node:http2 does by itself", async () => {
    const { url } = await start();
    const session = await open(url);
    const stream = request(session, { ":method": "CONNECT", ":authority": "a.example:443" });
    expect((await responseOf(stream))[":status"]).toBe(405);
  });

  it("leaves a plain CONNECT to another listener", async () => {
    const http2 = createServer(() => {});
    http2.on("connect", (_: unknown, response: { statusCode: number; end(): void }) => {
      response.statusCode = 418;
      response.end();
    });
    const { url } = await start({}, http2);
    const session = await open(url);
    const stream = request(session, { ":method": "CONNECT", ":authority": "a.example:443" });
    expect((await responseOf(stream))[":status"]).toBe(418);
  });

  it("ignores a stream that another listener has answered", async () => {
    const http2 = createServer();
    http2.on("stream", (stream, headers) => {
      if (headers[":path"] === "/theirs") stream.respond({ ":status": 299 }, { endStream: true });
    });
    const asked: string[] = [];
    const { url } = await start({ upgrade: ({ target }) => void asked.push(target) }, http2);
    const session = await open(url);
    const stream = request(session, { ...extendedConnect, ":path": "/theirs" });
    expect((await responseOf(stream))[":status"]).toBe(299);
    await responseOf(request(session));
    expect(asked).toEqual(["/"]);
  });

  it("reports a reset as a reset, on either side", async () => {
    const closed: Promise<unknown>[] = [];
    const { server, url } = await start({ open: (ws) => void closed.push(ws.closed) });
    const session = await open(url);
    const ours = request(session);
    await responseOf(ours);
    ours.close(8);
    expect(await closed[0]).toMatchObject({ status: 1006, clean: false });
    const theirs = request(session);
    await responseOf(theirs);
    const gone = new Promise((resolve) => theirs.once("close", resolve));
    server.connections[0]!.terminate();
    await gone;
    // "RST exceptions are represented with the RST_STREAM frame with the CANCEL error code" (RFC 8441, 5).
    expect(theirs.rstCode).toBe(8);
  });

  it("ends every WebSocket of a session that is gone, and serves on", async () => {
    const closed: Promise<unknown>[] = [];
    const { server, url } = await start({ open: (ws) => void closed.push(ws.closed) });
    const session = await open(url);
    await Promise.all([1, 2, 3].map(() => responseOf(request(session))));
    session.destroy();
    for (const end of closed) expect(await end).toMatchObject({ status: 1006 });
    expect(server.connections).toEqual([]);
    const next = request(await open(url));
    expect((await responseOf(next))[":status"]).toBe(200);
  });

  it("holds a fast client back by the stream's window", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let count = 0;
    const { url } = await start({
      async message() {
        count++;
        await held;
      },
    });
    const session = await open(url);
    const stream = request(session);
    await responseOf(stream);
    const message = text("x".repeat(100), { masked: true });
    const many = 20_000; // 2 MiB, far more than the window
    const chunk = new Uint8Array(message.length * many);
    for (let i = 0; i < many; i++) chunk.set(message, i * message.length);
    const written = new Promise((resolve) => stream.write(chunk, resolve));
    // A ping and its answer go past the stream: the window was full before.
    for (let i = 0; i < 5; i++) await new Promise((resolve) => session.ping(resolve));
    expect(count).toBe(1);
    expect(stream.writableLength).toBeGreaterThan(0);
    release();
    await written;
    stream.write(ping("done", { masked: true }));
    await new Promise((resolve) => stream.once("data", resolve));
    expect(count).toBe(many);
  });

  it("takes upgrades of HTTP/1.1 on the same port, if the server allows them", async () => {
    const http2 = createSecureServer({ cert: certificate, key: privateKey, allowHTTP1: true });
    const url = await listening(http2);
    const server = await adapter.serve(
      { server: http2, http2MayCrash: true },
      { message: (ws, data) => ws.send(data) },
    );
    onTestFinished(async () => void (await server.shutdown({ deadline: 0 })));
    const ws = await adapter.connect(url.replace("http", "wss"), { tls: { ca: authority } });
    await ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
    expect(await ws.close()).toMatchObject({ clean: true });
  });

  it("is left as it was when the listener is closed", async () => {
    const http2 = createServer();
    const listener = await adapter.listenTransport(
      { server: http2, http2MayCrash: true },
      () => {},
    );
    expect(http2.listenerCount("upgrade")).toBe(1);
    await listener.close();
    for (const event of ["upgrade", "stream", "connect"])
      expect(http2.listenerCount(event)).toBe(0);
  });
});
