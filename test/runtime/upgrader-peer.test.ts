import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { newSocketStream } from "../../adapters/node/index.ts";
import { newDeferred } from "../../src/deferred.ts";
import { HttpUpgrader } from "../../src/handshake/server/http-upgrader.ts";
import { PeerFinder, type Peer, type PeerOptions } from "../../src/handshake/server/peer.ts";
import { Upgrader } from "../../src/handshake/server/upgrader.ts";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";

/** Who has asked an Upgrader, over sockets of each runtime. */

const undo: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(undo.splice(0).map((end) => end()));
});

async function peerOfUpgrader(options: PeerOptions, header: Record<string, string>): Promise<Peer> {
  const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1" });
  undo.push(() => listener.close());
  const peers = new PeerFinder(options);
  const upgrading = listener.accept().then((conn) => new Upgrader({ peers }).upgrade(conn!));
  const client = await adapter.dial(`ws://127.0.0.1:${listener.port}/`, { header });
  undo.push(() => client.close());
  const stream = await upgrading;
  undo.push(() => stream.close());
  return stream.peer!;
}

async function peerOfHttp(options: PeerOptions, header: Record<string, string>): Promise<Peer> {
  const upgrader = new HttpUpgrader({ peers: new PeerFinder(options) });
  const upgraded = newDeferred<Peer>();
  const http = createServer();
  http.on("upgrade", (request, socket, head) => {
    void upgrader.upgrade(request, newSocketStream(socket as never), head).then((stream) => {
      undo.push(() => stream.close());
      upgraded.resolve(stream.peer!);
    }, upgraded.reject);
  });
  await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
  undo.push(() => new Promise((resolve) => http.close(resolve)));
  const { port } = http.address() as { port: number };
  const client = await adapter.dial(`ws://127.0.0.1:${port}/`, { header });
  undo.push(() => client.close());
  return upgraded.promise;
}

describe.each([
  ["an Upgrader", peerOfUpgrader],
  ["an HttpUpgrader", peerOfHttp],
])(`the peer of %s on ${runtime}`, (_, peerOf) => {
  const header = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "example.org",
  };

  it("is the client, where who is at the socket is a trusted proxy", async () => {
    expect(await peerOf({ trustProxy: ["127.0.0.1"] }, header)).toEqual({
      address: "203.0.113.7",
      port: undefined,
      encrypted: true,
      host: "example.org",
      proxied: undefined,
    });
  });

  it("is who is at the socket, where that is a stranger", async () => {
    const { address, port, encrypted, host } = await peerOf({ trustProxy: ["10.0.0.0/8"] }, header);
    expect([address, encrypted]).toEqual(["127.0.0.1", false]);
    expect(port).toBeGreaterThan(0);
    expect(host).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});
