import { randomBytes } from "node:crypto";
import { createServer, request, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { type ForeignSocket, socketTransport } from "../../adapters/node/socket.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import { acceptOffers } from "../../src/extension/index.ts";
import { PermessageDeflate } from "../../src/flate/index.ts";
import { acceptKey } from "../../src/handshake/index.ts";
import { parseOptions, writeOptions } from "../../src/http/index.ts";
import { adapter } from "../support/adapter.ts";

/** Connections whose handshakes the tests do by themselves, with `node:http`, which all three runtimes have. */

const servers: HttpServer[] = [];
const sockets: Duplex[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(
    servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
  );
});

const compression = new PermessageDeflate({ engine: zlibEngine(), threshold: 0 });
const compressing: ConnectionOptions = { extensions: [compression] };

/** A socket of an `upgrade` event, with what was agreed on. */
interface Upgraded {
  readonly socket: ForeignSocket & Duplex;
  readonly head: Uint8Array;
  readonly extensions: string;
}

/** Listens, and answers requests for an upgrade; @returns the port, and the first one that was answered. */
async function listen(): Promise<{ port: number; upgraded: Deferred<Upgraded> }> {
  const server = createServer();
  servers.push(server);
  const upgraded = newDeferred<Upgraded>();
  server.on("upgrade", ({ headers }, socket, head) => {
    sockets.push(socket);
    const offers = parseOptions(headers["sec-websocket-extensions"] ?? "") ?? [];
    const agreed = acceptOffers([compression], offers).map(({ option }) => option);
    const extensions = writeOptions(agreed);
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${acceptKey(headers["sec-websocket-key"]!)}`,
      ...(extensions === "" ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]),
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    upgraded.resolve({ socket: socket as Upgraded["socket"], head, extensions });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, upgraded };
}

/** Asks for an upgrade. */
async function dial(port: number, offers = ""): Promise<Upgraded> {
  const upgraded = newDeferred<Upgraded>();
  const asked = request({
    port,
    host: "127.0.0.1",
    headers: {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      ...(offers === "" ? {} : { "Sec-WebSocket-Extensions": offers }),
    },
  });
  asked.on("upgrade", ({ headers }, socket, head) => {
    sockets.push(socket);
    const extensions = headers["sec-websocket-extensions"] ?? "";
    upgraded.resolve({ socket: socket as Upgraded["socket"], head, extensions });
  });
  asked.on("error", upgraded.reject);
  asked.end();
  return upgraded.promise;
}

/** Makes both ends of a connection, each by `adopt`. */
async function open(
  offers = "",
  options: ConnectionOptions = {},
): Promise<{ server: Connection; client: Connection }> {
  const { port, upgraded } = await listen();
  const theirs = await dial(port, offers);
  const ours = await upgraded.promise;
  const adopt = (side: "client" | "server", { socket, head, extensions }: Upgraded): Connection =>
    adapter.adopt(socketTransport(socket), { side, early: head, extensions, options });
  return { server: adopt("server", ours), client: adopt("client", theirs) };
}

describe("adopt() of sockets of node:http", () => {
  it("makes both ends of a connection, which end it in order", async () => {
    const { server, client } = await open();
    void client.send("Hello");
    expect(await server.receive()).toBe("Hello");
    const large = "0123456789abcdef".repeat(64 * 1024);
    void server.send(large);
    expect(await client.receive()).toBe(large);
    expect([server.remoteAddress, client.remoteAddress]).toEqual(["127.0.0.1", "127.0.0.1"]);
    void server.close(4000, "bye");
    const [ours, theirs] = await Promise.all([server.closed, client.closed]);
    expect([ours.clean, theirs.clean]).toEqual([true, true]);
    expect(theirs).toMatchObject({ status: 4000, reason: "bye", initiator: "peer" });
  });

  it("compresses where the handshake has agreed on it", async () => {
    const { server, client } = await open(writeOptions(compression.offers), compressing);
    expect(server.extensions).toContain("permessage-deflate");
    expect(client.extensions).toBe(server.extensions);
    void client.send("a".repeat(10_000));
    expect(await server.receive()).toBe("a".repeat(10_000));
    expect(server.counters.received.bytes).toBeLessThan(200);
    client.terminate();
    await server.closed;
  });

  it("takes a socket some time after its upgrade, with all that has come meanwhile", async () => {
    const { port, upgraded } = await listen();
    const theirs = await dial(port);
    const client = adapter.adopt(socketTransport(theirs.socket), {
      side: "client",
      early: theirs.head,
    });
    for (const text of ["one", "two"]) await client.send(text);
    const { socket, head } = await upgraded.promise;
    while (socket.readableLength + head.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const server = adapter.adopt(socketTransport(socket), { side: "server", early: head });
    expect([await server.receive(), await server.receive()]).toEqual(["one", "two"]);
    client.terminate();
    await server.closed;
  });

  it("tells the end of a connection whose socket was gone by then", async () => {
    const { port, upgraded } = await listen();
    await dial(port);
    const { socket } = await upgraded.promise;
    const isClosed = new Promise((resolve) => socket.once("close", resolve));
    socket.destroy();
    await isClosed;
    const server = adapter.adopt(socketTransport(socket), { side: "server" });
    expect(await server.closed).toMatchObject({ status: 1006, clean: false });
  });
});
