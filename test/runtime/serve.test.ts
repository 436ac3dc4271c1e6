import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import type { Closure } from "../../src/errors.ts";
import type { Transport } from "../../src/transport.ts";
import { adapter } from "../support/adapter.ts";
import { nameOf } from "../support/server.ts";
import { upgradeRequest } from "../support/peer.ts";
import { exchange, openPeer, RawClient } from "../support/raw-client.ts";
import { runtime } from "../support/runtime.ts";

/** One list of behaviours over real sockets, run on every runtime against its own adapter. */

const servers: Server[] = [];

async function start(
  handlers: ServerHandlers = {},
  options: Partial<ServeOptions> = {},
): Promise<Server> {
  const server = await adapter.serve({ port: 0, hostname: "127.0.0.1", ...options }, handlers);
  servers.push(server);
  return server;
}

/** A server whose first connection's end can be awaited. */
async function startOne(
  handlers: ServerHandlers = {},
  options: Partial<ServeOptions> = {},
): Promise<{
  port: number;
  opened: Promise<Connection>;
  ended: Promise<Closure>;
  lines: string[];
}> {
  const opened = newDeferred<Connection>();
  const ended = newDeferred<Closure>();
  const lines: string[] = [];
  const server = await start(
    {
      ...handlers,
      open(ws) {
        opened.resolve(ws);
        return handlers.open?.(ws);
      },
      message(ws, data, isText) {
        lines.push(
          typeof data === "string" ? `message ${data}` : `message of ${data.length} bytes`,
        );
        return handlers.message?.(ws, data, isText);
      },
      error(_, error) {
        lines.push(`error ${nameOf(error)}`);
      },
      close(_, closure) {
        lines.push(`close ${closure.status}`);
        ended.resolve(closure);
      },
    },
    options,
  );
  return { port: server.port, opened: opened.promise, ended: ended.promise, lines };
}

const echo: ServerHandlers = { message: (ws, data) => ws.send(data) };

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

describe(`serve() on ${runtime}`, () => {
  it("tells the port and the address that it listens on", async () => {
    const server = await start();
    expect(server.port).toBeGreaterThan(0);
    expect(server.hostname).toBe("127.0.0.1");
  });

  it.each([0, 1, 125, 126, 65_535, 65_536, 1_000_000])("echoes %d bytes", async (size) => {
    const { port } = await start(echo);
    const { peer } = await openPeer(port);
    peer.binary(new Uint8Array(size));
    await peer.seen(`binary ${size} bytes`);
    peer.close(1000);
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", `binary ${size} bytes`, "close 1000", "end", "closed"]);
  });

  it("echoes 500 messages in order, wherever the network cuts them", async () => {
    const { port } = await start(echo);
    const { peer } = await openPeer(port);
    for (let i = 0; i < 500; i++) peer.endpoint.sendText(`${i} ${"x".repeat(i)}`);
    peer.flush();
    await peer.seen(/^text 499 /);
    expect(peer.lines.slice(1).map((line) => Number(line.split(" ")[1]))).toEqual(
      Array.from({ length: 500 }, (_, i) => i),
    );
  });

  it("gives messages as bytes to keep, whatever the runtime reads into", async () => {
    const kept: Uint8Array[] = [];
    const { port, ended } = await startOne({
      message: (_, data) => void kept.push(data as Uint8Array),
    });
    const { peer } = await openPeer(port);
    for (let i = 0; i < 3; i++) peer.endpoint.sendBinary(new Uint8Array(10).fill(i));
    peer.flush();
    // Another chunk, read into the same buffer as a rule.
    peer.endpoint.sendBinary(new Uint8Array(10).fill(3));
    peer.flush();
    peer.close(1000);
    await ended;
    expect(kept.map((bytes) => bytes.constructor)).toEqual(Array(4).fill(Uint8Array));
    expect(kept.map((bytes) => bytes.join())).toEqual(
      [0, 1, 2, 3].map((byte) => Array(10).fill(byte).join()),
    );
  });

  it("answers a handshake that comes byte by byte", async () => {
    const { port } = await start(echo);
    const client = await RawClient.connect(port);
    const opened = new Promise<void>((resolve) => {
      client.handler = {
        ...client.handler,
        onData: () => {
          resolve();
        },
      };
    });
    for (const byte of upgradeRequest()) client.write(new Uint8Array([byte]));
    await opened;
    client.destroy();
  });

  it("knows the peer's address", async () => {
    const { port, opened } = await startOne();
    const { client } = await openPeer(port);
    const ws = await opened;
    expect(ws.remoteAddress).toBe("127.0.0.1");
    expect(ws.remotePort).toBe(client.socket.localPort);
  });

  it("refuses with a response that the peer gets to see, and ends the stream", async () => {
    const { port } = await start();
    const response = await exchange(port, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    expect(response).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(response).toMatch(/Header is missing: host\n$/);
  });

  it("closes with status and reason, from either side", async () => {
    const { port, opened, ended } = await startOne();
    const { peer } = await openPeer(port);
    await (await opened).close(4001, "bye");
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", "close 4001 bye", "end", "closed"]);
    expect(await ended).toEqual({ status: 4001, reason: "bye", clean: true, initiator: "local" });
  });

  it("answers a violation with its status before it ends the stream, though more is coming", async () => {
    const { port, lines, ended } = await startOne();
    const { peer } = await openPeer(port);
    peer.send(new Uint8Array([0x83, 0x80, 0, 0, 0, 0]), new Uint8Array(200_000));
    await peer.seen("closed");
    await ended;
    expect(peer.lines).toEqual(["open", "close 1002", "end", "closed"]);
    expect(lines).toEqual(["error OPCODE_RESERVED", "close 1006"]);
  });
});

describe(`a transport on ${runtime}`, () => {
  it("sends all of 16 MiB to a peer that reads late, though single writes take a part", async () => {
    const { port, opened } = await startOne({}, { highWaterMark: 1000, maxBufferedAmount: 0 });
    const { peer, client } = await openPeer(port);
    client.pause();
    const ws = await opened;
    const data = new Uint8Array(16 * 1024 * 1024 - 1);
    const sending = ws.send(data);
    const second = ws.send("behind it");
    expect(ws.bufferedAmount).toBeGreaterThan(0);
    client.resume();
    await sending;
    await second;
    await peer.seen("text behind it");
    expect(peer.lines).toEqual(["open", `binary ${data.length} bytes`, "text behind it"]);
  });

  it("holds the peer back while a handler takes its time", async () => {
    const gate = newDeferred<void>();
    const { port, lines, ended } = await startOne({ message: () => gate.promise });
    const { peer, client } = await openPeer(port);
    const size = 1024 * 1024;
    for (let i = 0; i < 32; i++) peer.endpoint.sendBinary(new Uint8Array(size));
    peer.flush();
    // What the kernels hold is a few MiB; the rest of the 32 stays with the client until the handler goes on.
    await settled(() => client.socket.writableLength);
    expect(client.socket.writableLength).toBeGreaterThan(8 * size);
    expect(lines).toEqual([`message of ${size} bytes`]);
    gate.resolve();
    peer.close(1000);
    expect(await ended).toMatchObject({ clean: true });
    expect(lines).toHaveLength(33);
  });

  it("tells a reset once, as 1006, and drops the partial message", async () => {
    const { port, ended, lines } = await startOne();
    const { peer, client } = await openPeer(port);
    peer.send(new Uint8Array([0x82, 0x85, 0, 0, 0, 0, 1, 2]));
    client.socket.resetAndDestroy();
    expect(await ended).toMatchObject({ status: 1006, clean: false, initiator: "transport" });
    expect(lines.filter((line) => line.startsWith("close"))).toEqual(["close 1006"]);
    expect(lines.filter((line) => line.startsWith("message"))).toEqual([]);
  });

  it("tells the end of the peer's stream in the middle of a frame as 1006", async () => {
    const { port, ended, lines } = await startOne();
    const { peer, client } = await openPeer(port);
    peer.send(new Uint8Array([0x82, 0x85, 0, 0, 0, 0, 1, 2]));
    client.end();
    expect(await ended).toMatchObject({ status: 1006, clean: false, initiator: "transport" });
    expect(lines).toEqual(["error UNEXPECTED_END", "close 1006"]);
    await peer.seen("closed");
  });

  it("still answers the close frame of a peer that has ended its stream behind it", async () => {
    const { port, ended } = await startOne();
    const { peer, client } = await openPeer(port);
    peer.close(4000, "bye");
    client.end();
    await peer.seen("closed");
    expect(peer.lines).toEqual(["open", "close 4000 bye", "end", "closed"]);
    expect(await ended).toEqual({ status: 4000, reason: "bye", clean: true, initiator: "peer" });
  });

  it("is dropped at once by terminate()", async () => {
    const { port, opened, ended } = await startOne();
    const { peer } = await openPeer(port);
    (await opened).terminate();
    expect(await ended).toEqual({ status: 1006, reason: "", clean: false, initiator: "local" });
    await peer.seen("closed");
    expect(peer.lines).not.toContain(expect.stringMatching(/^close/));
  });

  it("takes what is written after its end without harm", async () => {
    const accepted = newDeferred<Transport>();
    const listener = await adapter.listenTransport(
      { port: 0, hostname: "127.0.0.1" },
      (transport) => {
        transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
        accepted.resolve(transport);
      },
    );
    const client = await RawClient.connect(listener.port);
    const ended = new Promise<void>((resolve) => {
      client.handler = { ...client.handler, onEnd: resolve };
    });
    const transport = await accepted.promise;
    transport.end();
    await ended;
    expect(transport.write(new Uint8Array(10))).toBe(true);
    transport.end();
    const closed = new Promise<void>((resolve) => {
      transport.handler = {
        ...transport.handler,
        onClose: () => {
          resolve();
        },
      };
    });
    client.end();
    await closed;
    expect(transport.write(new Uint8Array(10))).toBe(true);
    transport.end();
    transport.destroy();
    await listener.close();
  });
});

describe(`listen() on ${runtime}`, () => {
  it("says that a port is in use", async () => {
    const { port } = await start();
    await expect(adapter.serve({ port, hostname: "127.0.0.1" }, {})).rejects.toMatchObject({
      name: "TransportError",
      code: "ADDRESS_IN_USE",
    });
  });

  it("says that an address cannot be listened on", async () => {
    await expect(adapter.serve({ port: 0, hostname: "192.0.2.1" }, {})).rejects.toMatchObject({
      name: "TransportError",
      code: "FAILED",
    });
  });

  it("closes with connections open, and twice without harm", async () => {
    const transports: Transport[] = [];
    const listener = await adapter.listenTransport(
      { port: 0, hostname: "127.0.0.1" },
      (transport) => {
        transport.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
        transports.push(transport);
      },
    );
    const client = await RawClient.connect(listener.port);
    await settled(() => transports.length);
    await listener.close();
    await listener.close();
    await expect(RawClient.connect(listener.port)).rejects.toThrow();
    client.destroy();
    for (const transport of transports) transport.destroy();
  });

  it("goes on after peers that reset before they are accepted", async () => {
    const { port } = await start(echo);
    for (let i = 0; i < 50; i++) {
      const client = await RawClient.connect(port);
      client.socket.resetAndDestroy();
    }
    const { peer } = await openPeer(port);
    peer.text("still here");
    await peer.seen("text still here");
  });
});

/** Waits until a number does not change any more from one turn of the event loop to the next few. */
async function settled(read: () => number): Promise<void> {
  let last = -1;
  for (let same = 0; same < 20;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}
