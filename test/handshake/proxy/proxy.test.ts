import { describe, expect, it } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { TransportError } from "../../../src/errors.ts";
import {
  connectThrough,
  parseProxy,
  type Proxy,
  tunnelThrough,
} from "../../../src/handshake/proxy/proxy.ts";
import type { Connect, ConnectOptions } from "../../../src/transport.ts";
import { runTunnel, TestTunnelStream } from "../../support/tunnel-stream.ts";
import { latin1Bytes, settled, textOf } from "../streams.ts";

const credentials = undefined;

describe("parseProxy()", () => {
  it.each<[url: string, proxy: Proxy]>([
    [
      "http://p.example",
      { kind: "connect", isSecure: false, hostname: "p.example", port: 80, credentials },
    ],
    [
      "HTTP://P.Example:8080/",
      { kind: "connect", isSecure: false, hostname: "p.example", port: 8080, credentials },
    ],
    [
      "https://p.example",
      { kind: "connect", isSecure: true, hostname: "p.example", port: 443, credentials },
    ],
    [
      "https://p.example:80",
      { kind: "connect", isSecure: true, hostname: "p.example", port: 80, credentials },
    ],
    [
      "socks5://p.example",
      { kind: "socks5", isSecure: false, hostname: "p.example", port: 1080, credentials },
    ],
    [
      "socks5h://p.example/",
      { kind: "socks5", isSecure: false, hostname: "p.example", port: 1080, credentials },
    ],
    [
      "socks5h://P.Example:80/",
      { kind: "socks5", isSecure: false, hostname: "p.example", port: 80, credentials },
    ],
    [
      "socks5://[2001:DB8:0::1]:443",
      { kind: "socks5", isSecure: false, hostname: "2001:db8::1", port: 443, credentials },
    ],
    [
      "http://[::1]:3128",
      { kind: "connect", isSecure: false, hostname: "::1", port: 3128, credentials },
    ],
    [
      "socks5://b\u00FCcher.example",
      {
        kind: "socks5",
        isSecure: false,
        hostname: "xn--bcher-kva.example",
        port: 1080,
        credentials,
      },
    ],
    [
      "http://me%40home:pass%3Aw%C3%B6rd%25@p.example",
      {
        kind: "connect",
        isSecure: false,
        hostname: "p.example",
        port: 80,
        credentials: { user: "me@home", password: "pass:w\u00F6rd%" },
      },
    ],
    [
      "socks5://token@p.example",
      {
        kind: "socks5",
        isSecure: false,
        hostname: "p.example",
        port: 1080,
        credentials: { user: "token", password: "" },
      },
    ],
    [
      "http://:secret@p.example",
      {
        kind: "connect",
        isSecure: false,
        hostname: "p.example",
        port: 80,
        credentials: { user: "", password: "secret" },
      },
    ],
  ])("splits %s into its parts", (url, proxy) => {
    expect(parseProxy(url)).toEqual(proxy);
    expect(parseProxy(new URL(url))).toEqual(proxy);
  });

  it.each([
    ["", /no URL/],
    ["p.example", /no URL/],
    ["//me:secret@p.example", /no URL/],
    ["http://me:secret@", /no URL/],
    ["http://me:secret@p example", /no URL/],
    ["http://me:secret@p.example:65536", /no URL/],
    ["socks5://me:secret@p^example", /no URL/],
    ["p.example:8080", /Scheme/],
    ["socks://me:secret@p.example", /Scheme/],
    ["socks4://p.example", /Scheme/],
    ["ws://me:secret@p.example", /Scheme/],
    ["file:///etc/secret", /Scheme/],
    ["http://me:secret@p.example/path", /no path/],
    ["http://me:secret@p.example/?q", /no query/],
    ["http://me:secret@p.example?", /no query/],
    ["http://me:secret@p.example#", /no fragment/],
    ["socks5:p.example", /two slashes/],
    ["socks5:", /two slashes/],
    ["socks5:///", /two slashes/],
    ["http://me:secret@p.example:0", /port 0/],
    ["http://me:secret%@p.example", /percent-encoded/],
    ["http://me%FF:secret@p.example", /percent-encoded/],
  ])("refuses %j, and does not repeat its content", (url, message) => {
    const act = (): Proxy => parseProxy(url);
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
    try {
      act();
    } catch (error) {
      const all = Reflect.ownKeys(error as Error).map((key) =>
        String((error as Record<PropertyKey, unknown>)[key]),
      );
      // A stack names the file of the test.
      expect(all.filter((text) => /secret|me%|cause/.test(text))).toEqual([]);
    }
  });
});

describe("tunnelThrough()", () => {
  const target = { hostname: "a.example", port: 443 };
  const who = { user: "me", password: "secret" };

  it("asks an HTTP proxy by CONNECT, with credentials", async () => {
    const tunnel = tunnelThrough({ kind: "connect", credentials: who }, target);
    const { stream } = await runTunnel(tunnel, []);
    expect(textOf(stream.written)).toMatch(
      /^CONNECT a\.example:443 HTTP\/1\.1\r\n[^]*Basic bWU6c2VjcmV0\r\n/,
    );
  });

  it("asks a SOCKS proxy by SOCKS5, and offers credentials", async () => {
    const tunnel = tunnelThrough({ kind: "socks5", credentials: who }, target);
    const { stream } = await runTunnel(tunnel, []);
    expect([...stream.written]).toEqual([5, 2, 0, 2]);
  });
});

/** A way to connect that only does the tunnel, over what a proxy says, and writes down what it was asked for. */
function newConnect(answer = "HTTP/1.1 200 OK\r\n\r\n"): {
  connect: Connect;
  asked: ConnectOptions[];
  stream: TestTunnelStream;
} {
  const asked: ConnectOptions[] = [];
  const stream = new TestTunnelStream([latin1Bytes(answer)]);
  const connect: Connect = async (options, attach) => {
    asked.push(options);
    await options.tunnel!(stream);
    return attach(memoryPair()[0]);
  };
  return { connect, asked, stream };
}

describe("connectThrough()", () => {
  const target = { hostname: "a.example", port: 443 };

  it("connects to the proxy, asks it for the target, and attaches", async () => {
    const { connect, asked, stream } = newConnect();
    const { signal } = new AbortController();
    const through = connectThrough(connect, parseProxy("http://p.example:3128"));
    expect(
      await through({ ...target, noDelay: false, keepAlive: 5000, signal }, () => "attached"),
    ).toBe("attached");
    expect(asked).toEqual([
      {
        hostname: "p.example",
        port: 3128,
        tunnel: expect.any(Function) as unknown,
        tunnelTls: undefined,
        tls: undefined,
        noDelay: false,
        keepAlive: 5000,
        signal,
      },
    ]);
    expect(textOf(stream.written)).toMatch(/^CONNECT a\.example:443 /);
  });

  it("uses TLS for the target's name, or for the name that the caller gives", async () => {
    const { connect, asked } = newConnect();
    const through = connectThrough(connect, parseProxy("http://p.example"));
    await through({ ...target, tls: { ca: "PEM", serverName: undefined } }, String);
    await settled(through({ ...target, tls: { serverName: "b.example" } }, String));
    expect(asked.map(({ tls }) => tls)).toEqual([
      { ca: "PEM", serverName: "a.example" },
      { serverName: "b.example" },
    ]);
  });

  it("does TLS with a proxy that is reached by https", async () => {
    const tls = { ca: "PEM" };
    const { connect, asked } = newConnect();
    for (const [url, options] of [
      ["https://p.example", undefined],
      ["https://p.example", tls],
      ["http://p.example", tls],
    ] as const) {
      await settled(connectThrough(connect, parseProxy(url), options)(target, String));
    }
    expect(asked.map(({ tunnelTls }) => tunnelTls)).toEqual([{}, tls, undefined]);
  });

  it("fails with a ProxyError if the proxy refuses", async () => {
    const { connect } = newConnect("HTTP/1.1 407 Who?\r\n\r\n");
    const through = connectThrough(connect, parseProxy("http://p.example"));
    const { error } = await settled(through(target, String));
    expect(error).toMatchObject({ code: "PROXY_FAILED", cause: { status: 407 } });
  });

  it("fails with a ProxyError if the proxy cannot be reached", async () => {
    const cause = new TransportError("REFUSED");
    const through = connectThrough(() => Promise.reject(cause), parseProxy("http://p.example"));
    const { error } = await settled(through(target, String));
    expect(error).toMatchObject({ name: "TransportError", code: "PROXY_FAILED" });
    expect((error as Error).cause).toBe(cause);
  });

  it("fails as connecting does, once the proxy has been asked", async () => {
    const error = new TransportError("TLS_FAILED");
    const { connect } = newConnect();
    const failing: Connect = (options) =>
      connect(options, () => {
        throw error;
      });
    const through = connectThrough(failing, parseProxy("http://p.example"));
    expect((await settled(through(target, String))).error).toBe(error);
  });

  it("passes on an error that is not of the network, such as a signal's reason", async () => {
    const reason = new Error("given up");
    const through = connectThrough(() => Promise.reject(reason), parseProxy("http://p.example"));
    expect((await settled(through(target, String))).error).toBe(reason);
  });

  it("refuses a Unix socket, and a host that may not be asked for", async () => {
    const { connect, asked } = newConnect();
    const through = connectThrough(connect, parseProxy("http://p.example"));
    for (const options of [
      { ...target, path: "/run/socket" },
      { ...target, hostname: "a b" },
    ]) {
      expect((await settled(through(options, String))).error).toBeInstanceOf(TypeError);
    }
    expect(asked).toEqual([]);
  });
});
