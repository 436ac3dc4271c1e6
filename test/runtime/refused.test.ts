import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { newSocketStream } from "../../adapters/node/index.ts";
import { writeLatin1 } from "../../src/bytes.ts";
import { newDeferred } from "../../src/deferred.ts";
import { upgradeHttp } from "../../src/handshake/server/http-upgrader.ts";
import { upgrade } from "../../src/handshake/server/upgrader.ts";
import type { TransportStream } from "../../src/io/transport-stream.ts";
import { adapter } from "../support/adapter.ts";
import { exchange } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";

/** Pulled handshakes that are refused, by programs that do nothing about it: nobody is left with an open socket. */

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const task of undo.splice(0).reverse()) await task();
});

/** A request of a client that speaks another version, with bytes behind it. */
const request = [
  "GET / HTTP/1.1",
  "Host: a.example",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 12",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "and more",
].join("\r\n");

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return bytes;
}

interface Served {
  readonly port: number;
  /** How the upgrade ended, once the server's own end of the connection is gone. */
  readonly ended: Promise<unknown>;
}

type Serve = () => Promise<Served>;

/** Behind an HTTP server. */
async function serveHttp(): Promise<Served> {
  const ended = newDeferred<unknown>();
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    const stream = newSocketStream(socket);
    upgradeHttp(request, stream, head).catch((error: unknown) => {
      void stream.closed.then(() => {
        ended.resolve(error);
      });
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  undo.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, ended: ended.promise };
}

async function serveTcp(): Promise<Served> {
  const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1" });
  undo.push(() => listener.close());
  const accepted = async (): Promise<unknown> => {
    const conn: TransportStream = (await listener.accept())!;
    const error: unknown = await upgrade(conn).catch((error: unknown) => error);
    await conn.closed;
    return error;
  };
  return { port: listener.port, ended: accepted() };
}

describe(`a refused upgrade on ${runtime}`, () => {
  it.each<[what: string, serve: Serve]>([
    ["upgradeHttp()", serveHttp],
    ["upgrade()", serveTcp],
  ])("by %s is answered, and then closed on both sides", async (_, serve) => {
    const { port, ended } = await serve();
    const answer = await exchange(port, bytesOf(request));
    expect(answer.split("\r\n")[0]).toBe("HTTP/1.1 426 Upgrade Required");
    expect(answer).toContain("\r\nSec-WebSocket-Version: 13\r\n");
    expect(answer.endsWith("\r\n\r\nWebSocket version 13 is required\n")).toBe(true);
    expect(await ended).toMatchObject({ code: "UPGRADE_REQUIRED" });
  });
});
