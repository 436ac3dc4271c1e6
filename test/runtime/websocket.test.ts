import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import type * as node from "../../adapters/websocket/node.ts";
import { next, untilClosed } from "../adapters/websocket/case-kit.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { TestProxy } from "../support/proxy.ts";
import { runtime } from "../support/runtime.ts";

/** The standard's class over real sockets; what the standard says of it is in test/adapters/websocket. */

const { WebSocket, webSocketHandlers } = (await import(
  `../../adapters/websocket/${runtime}.ts`
)) as typeof node;

/** What a test began, ended in the order of its beginning. */
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Serves echoes of the standard's own shape. */
async function serveEcho(options: object): Promise<number> {
  const server = await adapter.serve(
    { hostname: "127.0.0.1", ...options },
    webSocketHandlers((socket) => {
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => {
        socket.send(data as string);
      };
    }),
  );
  ends.push(() => server.shutdown({ deadline: 0 }));
  return server.port;
}

/** Sends a text, closes when it has come back, and gives all events. */
async function echoOf(ws: node.WebSocket): Promise<string[]> {
  ws.onopen = () => {
    ws.send("there");
  };
  ws.onmessage = () => {
    ws.close(4000, "back");
  };
  return untilClosed(ws);
}

const echoed = ["open", "message there", 'close 4000 "back" true'];

describe(`WebSocket on ${runtime}`, () => {
  it("speaks with a server whose connections are WebSockets", async () => {
    const port = await serveEcho({ port: 0 });
    expect(await echoOf(new WebSocket(`ws://127.0.0.1:${port}/`))).toEqual(echoed);
  });

  it("does TLS as it is told, and says why it has not", async () => {
    const port = await serveEcho({ port: 0, tls: { cert: certificate, key: privateKey } });
    const url = `wss://127.0.0.1:${port}/`;
    const options = { tls: { ca: authority } };
    expect(await echoOf(new WebSocket(url, [], options))).toEqual(echoed);
    const { error } = await next(new WebSocket(url), "error");
    expect(error).toMatchObject({ name: "TransportError", code: "TLS_FAILED" });
  });

  it("goes through a proxy", async () => {
    const port = await serveEcho({ port: 0 });
    const proxy = await TestProxy.start();
    ends.push(() => proxy.close());
    const url = `ws://127.0.0.1:${port}/`;
    expect(await echoOf(new WebSocket(url, [], { proxy: proxy.url }))).toEqual(echoed);
    expect(proxy.asked).toEqual([`127.0.0.1:${port}`]);
  });

  it.skipIf(process.platform === "win32")("goes to a Unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "framewire-"));
    ends.push(() => {
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, "a.sock");
    await serveEcho({ path, hostname: undefined });
    expect(await echoOf(new WebSocket("ws://localhost/", [], { path }))).toEqual(echoed);
  });

  it("offers to compress, unless it is told not to", async () => {
    const port = await serveEcho({ port: 0, compression: true });
    const url = `ws://127.0.0.1:${port}/`;
    const seen: string[] = [];
    for (const options of [{}, { compression: false }]) {
      const ws = new WebSocket(url, [], options);
      await next(ws, "open");
      seen.push(ws.extensions.split(";")[0]!);
      const closed = next(ws, "close");
      ws.close();
      await closed;
    }
    expect(seen).toEqual(["permessage-deflate", ""]);
  });

  it("may be the global one", async () => {
    const saved = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    const value: unknown = WebSocket;
    Object.defineProperty(globalThis, "WebSocket", { value, configurable: true, writable: true });
    ends.push(() => {
      if (saved === undefined) Reflect.deleteProperty(globalThis, "WebSocket");
      else Object.defineProperty(globalThis, "WebSocket", saved);
    });
    const port = await serveEcho({ port: 0 });
    const { WebSocket: Global } = globalThis as unknown as { WebSocket: typeof WebSocket };
    expect(await echoOf(new Global(`ws://127.0.0.1:${port}/`))).toEqual(echoed);
  });
});
