import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import type { ServeOptions, Server } from "../../src/connection/server/serve.ts";
import type { Peer } from "../../src/handshake/server/peer.ts";
import { adapter } from "../support/adapter.ts";
import { authority, certificate, privateKey } from "../support/certificate.ts";
import { documentedHaproxy, documentedNginx, proxyAddress } from "../support/documented-proxy.ts";
import {
  haproxy,
  type Intermediary,
  missing,
  nginx,
  RunningIntermediary,
} from "../support/intermediary.ts";
import { Peer as Client, upgradeRequest } from "../support/peer.ts";
import { binaryHeader } from "../support/proxy-header.ts";
import { exchange, RawClient } from "../support/raw-client.ts";
import { hasUnixSockets, runtime } from "../support/runtime.ts";

/** Who a client is behind proxies that somebody else has made, configured as docs/behind-a-proxy.md has it. */

const servers: Server[] = [];
const running: RunningIntermediary[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
  await Promise.all(servers.splice(0).map((server) => server.shutdown({ deadline: 0 })));
});

async function start(options: Partial<ServeOptions>): Promise<Server> {
  const server = await adapter.serve({ port: 0, hostname: "127.0.0.1", ...options }, {});
  servers.push(server);
  return server;
}

async function before(server: Server, kind: Intermediary): Promise<number> {
  const between = await RunningIntermediary.start(kind, server.port);
  running.push(between);
  return between.port;
}

/** Opens a connection that claims to be somebody else's, and gives who the server takes it for. */
async function peerOf(server: Server, port: number): Promise<{ peer: Peer; clientPort: number }> {
  const raw = await RawClient.connect(port);
  const client = new Client(raw);
  client.send(
    upgradeRequest({
      Host: "example.org",
      "X-Forwarded-For": "6.6.6.6",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "evil.example",
      "X-Forwarded-Port": "6666",
      Forwarded: 'for="[6::6]:6666";proto=https;host=evil.example',
    }),
  );
  await client.seen("open");
  const { peer } = server.connections[0]!;
  const clientPort = raw.socket.localPort!;
  client.close(1000);
  await client.seen("closed");
  return { peer, clientPort };
}

const kinds: [string, Intermediary][] = [
  ["nginx with X-Forwarded-*", documentedNginx()],
  ["haproxy with Forwarded", documentedHaproxy("haproxy, by HTTP")],
];

for (const [name, kind] of kinds) {
  const reason = missing(kind);
  if (reason !== undefined) {
    if (process.env["CI"]) it(`has ${name} in between`, () => expect.fail(reason));
    else it.skip(`has ${name} in between`, () => {});
    continue;
  }

  describe(`${name} in between, on ${runtime}`, () => {
    it("tells who the client is, where it is trusted; what the client says of itself counts for nothing", async () => {
      for (const trustProxy of [[proxyAddress], 1]) {
        const server = await start({ trustProxy });
        const { peer } = await peerOf(server, await before(server, kind));
        expect(peer).toEqual({
          address: "127.0.0.1",
          port: undefined,
          encrypted: false,
          host: "example.org",
        });
      }
    });

    it("is itself the peer where it is not trusted", async () => {
      const server = await start({ trustProxy: ["10.0.0.0/8"] });
      const { peer } = await peerOf(server, await before(server, kind));
      expect(peer).toMatchObject({ address: proxyAddress, encrypted: false, host: "example.org" });
      expect(peer.port).toBeGreaterThan(0);
    });
  });
}

describe.skipIf(missing(nginx) !== undefined)(`nginx in between, on ${runtime}`, () => {
  it.skipIf(!hasUnixSockets)(
    "is believed by the Unix socket that it comes by, where that is said",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "framewire-"));
      try {
        for (const trustProxy of [["unix"], []]) {
          const path = join(folder, `${trustProxy.length}.sock`);
          const server = await adapter.serve({ path, trustProxy }, {});
          servers.push(server);
          const { peer } = await peerOf(server, await before(server, documentedNginx(path)));
          expect(peer.address).toBe(trustProxy.length > 0 ? "127.0.0.1" : undefined);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it("is believed in front of an HTTP server that is there already, too", async () => {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    try {
      const server = await adapter.serve({ server: http, trustProxy: [proxyAddress] }, {});
      servers.push(server);
      const { peer } = await peerOf(server, await before(server, documentedNginx()));
      expect(peer).toMatchObject({ address: "127.0.0.1", host: "example.org", encrypted: false });
    } finally {
      http.close();
    }
  });
});

const byTcp = (change?: (block: string) => string): Intermediary =>
  documentedHaproxy("haproxy, by TCP", change);

describe.skipIf(missing(haproxy) !== undefined)(
  `the PROXY protocol of haproxy, on ${runtime}`,
  () => {
    it.each([
      [
        "version 1",
        1,
        byTcp((block) =>
          block.replace("send-proxy-v2 proxy-v2-options crc32c,unique-id", "send-proxy"),
        ),
      ],
      ["version 2, with a checksum", 2, byTcp()],
    ])("tells who the client is, by %s", async (_, version, kind) => {
      const server = await start({ proxyProtocol: [proxyAddress] });
      const port = await before(server, kind);
      const { peer, clientPort } = await peerOf(server, port);
      expect(peer).toMatchObject({
        address: "127.0.0.1",
        port: clientPort,
        encrypted: false,
        host: "example.org",
        proxied: {
          version,
          source: { address: "127.0.0.1", port: clientPort },
          destination: { address: "127.0.0.1", port },
          tls: undefined,
        },
      });
    });

    it("tells of the TLS that it has ended", async () => {
      const folder = mkdtempSync(join(tmpdir(), "framewire-"));
      try {
        const pem = join(folder, "both.pem");
        writeFileSync(pem, certificate + privateKey);
        const server = await start({ proxyProtocol: true });
        const port = await before(
          server,
          byTcp((block) =>
            block
              .replace("bind :80", `bind :80 ssl crt ${pem}`)
              .replace("send-proxy-v2 ", "send-proxy-v2-ssl-cn ")
              .replace("crc32c,unique-id", "authority,crc32c,ssl-cipher"),
          ),
        );
        const ws = await adapter.connect(`wss://localhost:${port}/`, {
          tls: { ca: authority },
        });
        expect(server.connections[0]!.peer).toMatchObject({
          address: "127.0.0.1",
          encrypted: true,
          proxied: {
            authority: "localhost",
            tls: {
              version: expect.stringMatching(/^TLSv1\.[23]$/) as string,
              hasCertificate: false,
              authorized: false,
              commonName: undefined,
            },
          },
        });
        expect(server.connections[0]!.encrypted).toBe(false);
        await ws.close();
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it("is required of it: without, it is dropped, and so is a stranger where all must speak it", async () => {
      const server = await start({ proxyProtocol: [proxyAddress] });
      const port = await before(
        server,
        byTcp((block) => block.replace(/send-proxy-v2 .*/, "")),
      );
      expect(await exchange(port, upgradeRequest())).toBe("");
      // Somebody else is a client.
      expect((await peerOf(server, server.port)).peer.proxied).toBeUndefined();
      const strict = await start({ proxyProtocol: true });
      expect(await exchange(strict.port, upgradeRequest())).toBe("");
    });

    it("is believed of nobody else: a stranger's header is no request", async () => {
      const server = await start({ proxyProtocol: [proxyAddress] });
      const line = encodeUtf8("PROXY TCP4 6.6.6.6 127.0.0.1 1 2\r\n");
      for (const header of [line, binaryHeader()]) {
        const answer = await exchange(server.port, concat([header, upgradeRequest()]));
        expect(answer).toMatch(/^HTTP\/1.1 400 /);
      }
    });
  },
);

describe(`a stranger who connects past the proxy, on ${runtime}`, () => {
  it("is who it is, whatever it says", async () => {
    const server = await start({ trustProxy: [proxyAddress] });
    const { peer, clientPort } = await peerOf(server, server.port);
    expect(peer).toEqual({
      address: "127.0.0.1",
      port: clientPort,
      encrypted: false,
      host: "example.org",
    });
  });
});
