import { describe, expect, it, vi } from "vitest";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { upgradeRequest } from "../../support/peer.ts";
import { binaryHeader, field } from "../../support/proxy-header.ts";
import { macrotask } from "../../support/turns.ts";
import { testServer } from "../../support/server.ts";

const plainRequest = encodeUtf8("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");

describe("trustProxy", () => {
  const told = { "X-Forwarded-For": "6.6.6.6, 192.0.2.1", "X-Forwarded-Proto": "https" };
  const client = {
    address: "192.0.2.1",
    port: undefined,
    encrypted: true,
    host: "localhost",
    proxied: undefined,
  };
  const socket = {
    address: "memory",
    port: undefined,
    encrypted: false,
    host: "localhost",
    proxied: undefined,
  };

  it.each([
    ["is who a trusted proxy says", 1, client],
    ["is who is at the socket where that is a stranger", ["10.0.0.0/8"], socket],
    ["is who is at the socket where nobody is trusted", undefined, socket],
  ])("sets the peer of request and connection, which %s", async (_, trustProxy, expected) => {
    const seen: unknown[] = [];
    const { open } = testServer(
      {
        upgrade: ({ peer, remoteAddress, encrypted }) => {
          seen.push(peer, remoteAddress, encrypted);
        },
      },
      { trustProxy },
    );
    const { ws } = await open(told);
    expect(seen).toEqual([expected, "memory", false]);
    expect(ws.peer).toEqual(expected);
    expect([ws.remoteAddress, ws.encrypted]).toEqual(["memory", false]);
  });

  it("answers 400 to malformed headers, and asks no hook, unless a stranger has sent them", async () => {
    for (const trustProxy of [1, []]) {
      const upgrade = vi.fn();
      const { connect, lines } = testServer({ upgrade }, { trustProxy });
      const { peer } = connect();
      peer.send(upgradeRequest({ Forwarded: "for=nobody" }));
      const isTrusted = trustProxy === 1;
      await peer.seen(isTrusted ? "closed" : "open");
      expect(peer.response).toMatch(isTrusted ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 101 /);
      expect(upgrade).toHaveBeenCalledTimes(isTrusted ? 0 : 1);
      expect(lines).toEqual([isTrusted ? "refused BAD_FORWARDED" : "open"]);
    }
  });

  it("reports which client was refused, beside the socket's address, once it is known", async () => {
    const seen: unknown[] = [];
    const { connect } = testServer(
      {
        upgrade: () => ({ status: 403 }),
        refused: (_, remoteAddress, peer) => {
          seen.push(remoteAddress, peer?.address);
        },
      },
      { trustProxy: 1 },
    );
    for (const bytes of [upgradeRequest(told), encodeUtf8("nonsense\r\n")]) {
      const { peer } = connect();
      peer.send(bytes);
      await peer.seen("closed");
    }
    expect(seen).toEqual(["memory", "192.0.2.1", "memory", undefined]);
  });

  it.each([
    ["then trusts", () => true],
    [
      "then throws",
      () => {
        throw new Error("late");
      },
    ],
  ])("opens nothing if its function shuts the server down and %s", async (_, answer) => {
    for (const bytes of [upgradeRequest(), plainRequest]) {
      const upgrade = vi.fn();
      const http = vi.fn();
      const { connect, server, lines, clock } = testServer(
        { upgrade, http },
        {
          trustProxy() {
            void server.shutdown();
            return answer();
          },
        },
      );
      const { peer } = connect();
      peer.send(bytes);
      await peer.seen("closed");
      await server.shutdown();
      expect(peer.lines).toEqual(["refused 503", "end", "closed"]);
      expect([upgrade.mock.calls, http.mock.calls]).toEqual([[], []]);
      expect(lines).toEqual(["refused REJECTED"]);
      expect(clock.running).toBe(0);
    }
  });

  it('has origins: "same" compare with the host that the client asked for', async () => {
    const headers = {
      Host: "inner:8080",
      Origin: "https://example.org",
      "X-Forwarded-Host": "example.org",
    };
    for (const [trustProxy, status] of [
      [1, 101],
      [0, 403],
    ] as const) {
      const { connect } = testServer({}, { trustProxy, origins: "same" });
      const { peer } = connect();
      peer.send(upgradeRequest(headers));
      await peer.seen(status === 101 ? "open" : "closed");
      expect(peer.response).toContain(`HTTP/1.1 ${status} `);
    }
  });
});

describe("proxyProtocol", () => {
  const request = upgradeRequest();
  const line = encodeUtf8("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n");
  const source = { address: "192.0.2.7", port: 4711 };

  it.each([
    ["version 1", line, false],
    ["version 2", binaryHeader(), false],
    [
      "version 2 of a client with TLS",
      binaryHeader({ fields: [field(0x20, Uint8Array.of(1, 0, 0, 0, 0))] }),
      true,
    ],
  ])(
    "gives request and connection the peer that a header of %s names, wherever it is cut",
    async (_, header, encrypted) => {
      const whole = concat([header, request]);
      for (let cut = 0; cut <= header.length + 1; cut++) {
        const seen: unknown[] = [];
        const { connect, server } = testServer(
          {
            upgrade: ({ peer, remoteAddress }) => {
              seen.push(peer, remoteAddress);
            },
          },
          { proxyProtocol: true },
        );
        const { peer } = connect();
        peer.send(whole.subarray(0, cut));
        await macrotask();
        peer.send(whole.subarray(cut));
        await peer.seen("open");
        const expected = { ...source, encrypted, host: "localhost" };
        expect(seen).toEqual([expect.objectContaining(expected), "memory"]);
        const [ws] = server.connections;
        expect(ws!.peer).toMatchObject({ ...expected, proxied: { source } });
        expect(ws!.remoteAddress).toBe("memory");
      }
    },
  );

  it("applies to a plain request of HTTP/1.0, too, which has no host", async () => {
    const seen: unknown[] = [];
    const { connect } = testServer(
      {
        http: ({ peer }) => {
          seen.push(peer);
          return { status: 204 };
        },
      },
      { proxyProtocol: true },
    );
    const { peer } = connect();
    peer.send(line, encodeUtf8("GET /health HTTP/1.0\r\n\r\n"));
    await peer.seen("closed");
    expect(peer.response).toMatch(/^HTTP\/1.1 204 /);
    expect(seen).toEqual([expect.objectContaining({ ...source, host: "" })]);
  });

  it("believes headers of HTTP behind it by the address that it names", async () => {
    for (const [trustProxy, address] of [
      [["192.0.2.7"], "203.0.113.9"],
      [["memory"].slice(1), "192.0.2.7"],
    ] as const) {
      const { connect, server } = testServer({}, { proxyProtocol: true, trustProxy });
      const { peer } = connect();
      peer.send(line, upgradeRequest({ "X-Forwarded-For": "203.0.113.9" }));
      await peer.seen("open");
      expect(server.connections[0]!.peer).toMatchObject({ address, proxied: { source } });
    }
  });

  it("recognizes a balancer's own connection", async () => {
    for (const header of [
      encodeUtf8("PROXY UNKNOWN\r\n"),
      binaryHeader({ versionAndCommand: 0x20 }),
    ]) {
      const { connect, server } = testServer({}, { proxyProtocol: true });
      const { peer } = connect();
      peer.send(header, request);
      await peer.seen("open");
      expect(server.connections[0]!.peer).toMatchObject({
        address: "memory",
        port: undefined,
        proxied: { source: undefined },
      });
    }
  });

  it("gives no address for a client that came to the balancer by a Unix socket", async () => {
    const { connect, server } = testServer({}, { proxyProtocol: true });
    const { peer } = connect();
    peer.send(binaryHeader({ family: 0x31, addresses: new Uint8Array(216).fill(97) }), request);
    await peer.seen("open");
    expect(server.connections[0]!.peer).toMatchObject({ address: undefined, port: undefined });
  });

  it.each([
    ["a request without it", request],
    ["a header that is malformed", encodeUtf8("PROXY TCP4 1 2 3 4\r\n")],
    ["one with a wrong checksum", binaryHeader({ fields: [field(3, new Uint8Array(4))] })],
  ])("drops a balancer that sends %s, without an answer", async (_, bytes) => {
    const { connect, lines } = testServer({}, { proxyProtocol: true });
    const { peer } = connect();
    peer.send(bytes);
    await peer.seen("closed");
    expect(peer.response).toBe("");
    expect(lines).toEqual(["refused BAD_PROXY_HEADER"]);
  });

  it("treats others as clients, whose header is no request", async () => {
    for (const bytes of [line, binaryHeader()]) {
      const { connect, lines } = testServer({}, { proxyProtocol: ["10.0.0.0/8"] });
      const { peer } = connect();
      peer.send(bytes, request);
      await peer.seen("closed");
      expect(peer.response).toMatch(/^HTTP\/1.1 400 /);
      expect(lines).toEqual(["refused MALFORMED_REQUEST"]);
    }
    const { open } = testServer({}, { proxyProtocol: ["10.0.0.0/8"] });
    expect((await open()).ws.peer).toMatchObject({ address: "memory", proxied: undefined });
  });

  it("limits the header to the time of the handshake, and ends with the peer's stream, or with the socket", async () => {
    const { connect, clock, lines } = testServer({}, { proxyProtocol: true });
    const late = connect();
    late.peer.send(line.subarray(0, 9));
    await macrotask();
    clock.advance(10_200);
    await late.peer.seen("closed");
    const left = connect();
    left.peer.send(line.subarray(0, 9));
    left.peer.transport.end();
    await left.peer.seen("closed");
    expect(lines).toEqual(["refused REJECTED", "refused INTERNAL"]);
    expect(late.peer.response + left.peer.response).toBe("");
  });

  it("does not report a connection that sends nothing", async () => {
    const { connect, clock, lines, server } = testServer({}, { proxyProtocol: true });
    const late = connect();
    clock.advance(10_200);
    await late.peer.seen("closed");
    const left = connect();
    left.peer.transport.end();
    await left.peer.seen("closed");
    const gone = connect();
    gone.peer.send(line);
    gone.peer.transport.destroy();
    await macrotask();
    expect(lines).toEqual([]);
    expect(server.counters.opening).toBe(0);
  });

  it("is refused on runtimes where the header cannot be read", () => {
    const server = { on: () => {}, off: () => {} };
    expect(() => testServer({}, { proxyProtocol: true, server } as never)).toThrow(TypeError);
  });
});
