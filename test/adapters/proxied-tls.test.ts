import {
  connect as connectTcp,
  createServer,
  type Server as TcpServer,
  type Socket,
} from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { documentedHaproxy, proxyAddress } from "../support/documented-proxy.ts";
import { haproxy, missing, RunningIntermediary } from "../support/intermediary.ts";
import { upgradeRequest } from "../support/peer.ts";
import { binaryHeader } from "../support/proxy-header.ts";
import { exchange } from "../support/raw-client.ts";
import { hasUnixSockets, runtime } from "../support/runtime.ts";

/** A balancer that passes TLS on, and says in front of it whose connection it is. */

const servers: Server[] = [];
const balancers: TcpServer[] = [];
const sockets = new Set<Socket>();
const running: RunningIntermediary[] = [];
const refused: unknown[] = [];

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const balancer of balancers.splice(0)) balancer.close();
  await Promise.all(running.splice(0).map((one) => one.close()));
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
  refused.splice(0);
});

/** As each runtime's own calls have it. */
const alpn = {
  node: { ALPNProtocols: ["http/1.1"] },
  deno: { alpnProtocols: ["http/1.1"] },
  bun: { ALPNProtocols: "\x08http/1.1" },
}[runtime];

async function start(options: Partial<ServeOptions> = {}): Promise<Server> {
  const server = await adapter.serve(
    {
      port: 0,
      hostname: "127.0.0.1",
      proxyProtocol: true,
      tls: { cert: certificate, key: privateKey, ...alpn },
      ...options,
    },
    {
      message: (ws, data) => ws.send(data),
      refused: (error) => void refused.push(error.code),
    },
  );
  servers.push(server);
  return server;
}

/** Writes what a balancer sends at first. @param first The first bytes of the client. */
type Write = (upstream: Socket, first: Uint8Array) => Promise<void>;

/** Starts a balancer in front of a server; gives its port. */
async function balancer({ port }: Server, write: Write): Promise<number> {
  const server = createServer((client) => {
    const upstream = connectTcp(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay(true));
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.once("data", (first: Uint8Array) => {
      client.pause();
      void write(upstream, first).then(() => client.pipe(upstream));
    });
    upstream.pipe(client);
  });
  balancers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as { port: number }).port;
}

/** Sends bytes; resolves when the system has them. */
function sent(upstream: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    upstream.write(bytes, () => {
      resolve();
    });
  });
}

const binary: Write = (upstream, first) => sent(upstream, concat([binaryHeader(), first]));

async function echo(port: number): Promise<unknown> {
  const ws = await adapter.connect(`wss://localhost:${port}/`, { tls: { ca: authority, ...alpn } });
  await ws.send("Hello");
  const echoed = await ws.receive();
  await ws.close();
  return echoed;
}

describe(`proxyProtocol with tls on ${runtime}`, () => {
  it.each<[what: string, write: Write]>([
    ["in one piece with the TLS behind it", binary],
    [
      "byte by byte, each when the one before is sent",
      async (upstream, first) => {
        const bytes = concat([binaryHeader(), first]);
        for (let at = 0; at < bytes.length; at++) await sent(upstream, bytes.subarray(at, at + 1));
      },
    ],
  ])("knows the client by a header %s", async (_, write) => {
    const server = await start();
    const opened = balancer(server, write);
    const ws = await adapter.connect(`wss://localhost:${await opened}/`, {
      tls: { ca: authority, ...alpn },
    });
    const [accepted] = server.connections;
    expect(accepted!.peer).toMatchObject({
      address: "192.0.2.7",
      port: 4711,
      encrypted: true,
      proxied: { version: 2, tls: undefined },
    });
    expect(accepted!.encrypted).toBe(true);
    expect(accepted!.tls!.alpnProtocol).toBe("http/1.1");
    expect(ws.tls!.alpnProtocol).toBe("http/1.1");
    await ws.send(new Uint8Array(300_000));
    expect(await ws.receive()).toHaveLength(300_000);
    await ws.close();
  });

  it("shows its certificate to a client that looks at it", async () => {
    const port = await balancer(await start(), binary);
    await expect(adapter.connect(`wss://localhost:${port}/`)).rejects.toMatchObject({
      code: "TLS_FAILED",
    });
  });

  // Deno asks no client for a certificate, and says so (test/runtime/listen.test.ts).
  it.skipIf(runtime === "deno")("asks clients for a certificate behind the header", async () => {
    const tls = { cert: certificate, key: privateKey, ca: authority, requestCert: true };
    const server = await start({ tls });
    const url = `wss://localhost:${await balancer(server, binary)}/`;
    // With TLS 1.3 a client learns of its refusal after its own handshake.
    const stranger = adapter.connect(url, { tls: { ca: authority } });
    await expect(stranger).rejects.toThrow();
    expect(server.connections).toHaveLength(0);

    const own = { ca: authority, cert: certificate, key: privateKey };
    const ws = await adapter.connect(url, { tls: own });
    const [accepted] = server.connections;
    expect(accepted!.tls).toMatchObject({ authorized: true });
    expect(accepted!.tls!.peerCertificate!.raw.length).toBeGreaterThan(0);
    expect(accepted!.peer.address).toBe("192.0.2.7");
    // It counts as cookies do: another site's page must not use it.
    const page = adapter.connect(url, {
      tls: own,
      headers: { Origin: "https://other.example" },
    });
    await expect(page).rejects.toMatchObject({ status: 403 });
    await ws.close();
  });

  it("takes a stranger for a client", async () => {
    const server = await start({ proxyProtocol: ["192.0.2.1"] });
    expect(await echo(server.port)).toBe("Hello");
  });

  it("drops a balancer that sends no header, and reports it", async () => {
    const server = await start();
    await expect(echo(server.port)).rejects.toThrow();
    expect(await exchange(server.port, upgradeRequest())).toBe("");
    expect(refused).toEqual(["BAD_PROXY_HEADER", "BAD_PROXY_HEADER"]);
  });

  it("drops a client that speaks no TLS after the header, and goes on", async () => {
    const server = await start();
    const bytes = concat([encodeUtf8("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n"), upgradeRequest()]);
    expect(await exchange(server.port, bytes)).not.toContain("HTTP/1.1");
    expect(await echo(await balancer(server, binary))).toBe("Hello");
  });

  it("gives header and handshake the time of the handshake", async () => {
    const server = await start({
      tls: { cert: certificate, key: privateKey, handshakeTimeout: 1 },
    });
    expect(await exchange(server.port, encodeUtf8("PROXY "))).toBe("");
    expect(await exchange(server.port, binaryHeader())).toBe("");
  });

  it("ends connections that are opening when its listener closes", async () => {
    const server = await start();
    const half = exchange(server.port, encodeUtf8("PROXY "));
    expect(await echo(await balancer(server, binary))).toBe("Hello");
    await server.shutdown();
    expect(await half).toBe("");
  });

  it.skipIf(!hasUnixSockets || runtime === "deno")("is a TypeError with a path", async () => {
    const options = { port: undefined, hostname: undefined, path: "/tmp/framewire-never.sock" };
    await expect(start(options)).rejects.toThrow(TypeError);
  });

  it.skipIf(missing(haproxy) !== undefined)(
    "knows the client behind haproxy, which passes TLS on",
    async () => {
      const server = await start({ proxyProtocol: [proxyAddress] });
      const between = await RunningIntermediary.start(
        documentedHaproxy("haproxy, by TCP"),
        server.port,
      );
      running.push(between);
      const ws = await adapter.connect(`wss://localhost:${between.port}/`, {
        tls: { ca: authority },
      });
      const { peer } = server.connections[0]!;
      expect(peer).toMatchObject({
        address: "127.0.0.1",
        encrypted: true,
        proxied: { version: 2 },
      });
      expect(peer.port).not.toBe(server.connections[0]!.remotePort);
      await ws.close();
    },
  );
});
