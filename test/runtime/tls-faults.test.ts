import { createServer, connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import type { Closure } from "../../src/errors.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { ChaosProxy } from "../support/chaos-proxy.ts";
import { runtime } from "../support/runtime.ts";
import { nameOf } from "../support/server.ts";

/** What networks and peers do to connections over TLS, from below it: docs/faults.md has the table. */

const trusting = { tls: { ca: authority } };

const servers: Server[] = [];
const proxies: ChaosProxy[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) proxy.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

/** An echo server over TLS behind a proxy that knows nothing of it. */
interface Behind {
  readonly server: Server;
  readonly proxy: ChaosProxy;
  readonly url: string;
  /** How the first connection ended for the server. */
  readonly ended: Deferred<Closure>;
  /** Connections that were open, and errors they had. */
  readonly lines: string[];
}

async function startBehind(handshakeTimeout?: number): Promise<Behind> {
  const ended = newDeferred<Closure>();
  const lines: string[] = [];
  const server = await adapter.serve(
    {
      port: 0,
      hostname: "127.0.0.1",
      tls: { cert: certificate, key: privateKey, handshakeTimeout },
    },
    {
      open: () => void lines.push("open"),
      message: (ws, data) => ws.send(data),
      error: (_, error) => void lines.push(`error ${nameOf(error)}`),
      close(_, closure) {
        lines.push(`close ${closure.status}`);
        ended.resolve(closure);
      },
    },
  );
  servers.push(server);
  const proxy = await ChaosProxy.start(server.port);
  proxies.push(proxy);
  return { server, proxy, url: `wss://127.0.0.1:${proxy.port}`, ended, lines };
}

async function expectEcho(ws: Connection): Promise<void> {
  await ws.send("hello");
  expect(await ws.receive()).toBe("hello");
}

async function expectAlive({ proxy, url }: Behind): Promise<void> {
  proxy.chaos = {};
  const ws = await adapter.connect(url, trusting);
  await expectEcho(ws);
  await ws.close(1000);
}

/** A client's TCP connection that is not its own to end. */
async function dial(port: number): Promise<Socket> {
  const socket = connectTcp({ port, host: "127.0.0.1" });
  sockets.push(socket);
  socket.on("error", () => {}); // `close` follows
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

describe(`a connection over TLS that is cut below it, on ${runtime}`, () => {
  /** Before TLS begins it is a reset; and with TLS 1.3 a client is done before its server is, and sends its request. */
  const cut = /^(TLS_FAILED|RESET|UNEXPECTED_END)$/;
  const lost = { status: 1006, clean: false, initiator: "transport" };

  it("by FIN without close_notify: 1006 for both sides, once", async () => {
    const behind = await startBehind();
    const ws = await adapter.connect(behind.url, trusting);
    await expectEcho(ws);
    behind.proxy.endAll();
    expect(await ws.closed).toMatchObject(lost);
    expect(await behind.ended.promise).toMatchObject(lost);
    expect(behind.lines).toEqual(["open", expect.stringMatching(/^error /), "close 1006"]);
    await expectAlive(behind);
  });

  it("by RST: 1006 for both sides, once", async () => {
    const behind = await startBehind();
    const ws = await adapter.connect(behind.url, trusting);
    await expectEcho(ws);
    behind.proxy.resetAll();
    expect(await ws.closed).toMatchObject(lost);
    expect(await behind.ended.promise).toMatchObject(lost);
    expect(behind.lines).toEqual(["open", expect.stringMatching(/^error /), "close 1006"]);
    await expectAlive(behind);
  });

  it.each([
    ["up", "end"],
    ["up", "reset"],
    ["down", "end"],
    ["down", "reset"],
  ] as const)(
    "in its handshake, %s, by %s: the attempt fails, and the server lives",
    async (direction, then) => {
      const behind = await startBehind();
      // Within each of the handshake's flights: TLS 1.3 has about 300 bytes up, and 1 000 down.
      for (let after = 0; after < 280; after += 31) {
        behind.proxy.chaos = { [direction]: { after, then } };
        const error: unknown = await adapter.connect(behind.url, trusting).then(
          () => "open",
          (reason: unknown) => reason,
        );
        expect(error).toMatchObject({ name: "TransportError", code: expect.stringMatching(cut) });
      }
      expect(behind.lines).toEqual([]);
      await expectAlive(behind);
    },
  );
});

describe(`a TLS handshake that never ends, on ${runtime}`, () => {
  it.each([0, 1, 100])("for a client behind %d bytes: it gives up in time", async (after) => {
    const behind = await startBehind();
    behind.proxy.chaos = { down: { after, then: "stall" } };
    await expect(adapter.connect(behind.url, { ...trusting, timeout: 100 })).rejects.toMatchObject({
      name: "TimeoutError",
      code: "DIAL_TIMEOUT",
    });
    await expectAlive(behind);
  });

  // Deno cannot close a connection within its handshake: it stays until the peer goes.
  it.skipIf(runtime === "deno")(
    "for a client whose server says nothing: its socket is gone",
    async () => {
      const gone = newDeferred<void>();
      const silent = createServer((socket) => {
        socket.resume();
        socket.on("error", () => {});
        socket.on("close", () => {
          gone.resolve();
        });
      });
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const { port } = silent.address() as { port: number };
      await expect(
        adapter.connect(`wss://127.0.0.1:${port}`, { ...trusting, timeout: 100 }),
      ).rejects.toMatchObject({ code: "DIAL_TIMEOUT" });
      await gone.promise;
      await new Promise((resolve) => silent.close(resolve));
    },
  );

  it.skipIf(runtime === "deno")(
    "for a server: it drops who says half a ClientHello, and lives",
    async () => {
      // Enough for who comes afterwards, on a machine that is busy.
      const behind = await startBehind(1000);
      behind.proxy.chaos = { up: { after: 100, then: "stall" } };
      const socket = await dial(behind.proxy.port);
      const gone = new Promise((resolve) => socket.once("close", resolve));
      const secure = connectTls({ socket, servername: "localhost", ca: authority });
      secure.on("error", () => {});
      await gone;
      expect(behind.lines).toEqual([]);
      await expectAlive(behind);
    },
  );

  it("for a server: whoever comes meanwhile is served", async () => {
    const behind = await startBehind();
    for (let i = 0; i < 20; i++) {
      const socket = await dial(behind.server.port);
      // The head of a record of 512 bytes, and no more.
      socket.write(Uint8Array.of(0x16, 3, 1, 2, 0));
    }
    await expectAlive(behind);
  });
});

describe(`a client on ${runtime}: a certificate that is not to be trusted`, () => {
  it.each([
    ["of an unknown authority", {}],
    ["of another name", { ca: authority, serverName: "other.test" }],
  ])(
    "E-97 %s: the client fails, nothing of its request has left, and the server lives",
    async (_, tls) => {
      const behind = await startBehind();
      await expect(adapter.connect(behind.url, { tls })).rejects.toMatchObject({
        name: "TransportError",
        code: "TLS_FAILED",
      });
      await expectAlive(behind);
      expect(behind.lines.filter((line) => line === "open")).toHaveLength(1);
    },
  );

  it("of a client that speaks no TLS, and of a server that speaks none: both fail, and live", async () => {
    const behind = await startBehind();
    await expect(adapter.connect(behind.url.replace("wss", "ws"))).rejects.toThrow();
    const plain = await adapter.serve({ port: 0, hostname: "127.0.0.1" }, {});
    servers.push(plain);
    await expect(adapter.connect(`wss://127.0.0.1:${plain.port}`, trusting)).rejects.toMatchObject({
      code: "TLS_FAILED",
    });
    await expectAlive(behind);
    await (await adapter.connect(`ws://127.0.0.1:${plain.port}`)).close(1000);
  });
});
