import { describe, expect, it } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { proxyRouteTo } from "../../../src/connection/client/proxy-route.ts";
import type { Connect, ConnectOptions } from "../../../src/transport.ts";

const target: ConnectOptions = { hostname: "example.org", port: 80 };

/** A way to connect that writes down where to. */
function recorder(): { connect: Connect; seen: ConnectOptions[] } {
  const seen: ConnectOptions[] = [];
  return {
    seen,
    connect: async (options, attach) => {
      seen.push(options);
      return attach(memoryPair()[0]);
    },
  };
}

/** Where the way to `to` leads first. */
async function firstHop(
  to: ConnectOptions,
  proxy: string | undefined,
  variables: Record<string, string> = {},
): Promise<string> {
  const { connect, seen } = recorder();
  const way = proxyRouteTo(to, connect, { proxy }, { environment: (name) => variables[name] });
  await way(to, () => undefined);
  const { hostname, port, tunnel } = seen[0]!;
  return `${hostname}:${port}${tunnel === undefined ? "" : " and on"}`;
}

describe("wayTo()", () => {
  const variables = { http_proxy: "http://plain:1", https_proxy: "http://secure:2" };

  it.each<[string, ConnectOptions, string | undefined, string]>([
    ["is straight by default, whatever the environment says", target, undefined, "example.org:80"],
    ["leads through a proxy", target, "http://proxy:3128", "proxy:3128 and on"],
    ["leads through SOCKS5", target, "socks5://proxy", "proxy:1080 and on"],
    ["asks the environment where it is told to", target, "environment", "plain:1 and on"],
    ["asks it for TLS apart", { ...target, tls: {} }, "environment", "secure:2 and on"],
    ["asks it for no Unix socket", { ...target, path: "/s" }, "environment", "example.org:80"],
  ])("%s", async (_, to, proxy, hop) => {
    expect(await firstHop(to, proxy, variables)).toBe(hop);
  });

  it("is direct if the environment names no proxy, or if there is no environment", async () => {
    expect(await firstHop(target, "environment")).toBe("example.org:80");
    const { connect } = recorder();
    expect(proxyRouteTo(target, connect, { proxy: "environment" }, {})).toBe(connect);
  });

  it("refuses an invalid proxy before it connects to anything", () => {
    const { connect, seen } = recorder();
    expect(() => proxyRouteTo(target, connect, { proxy: "ftp://proxy" }, {})).toThrow(TypeError);
    expect(seen).toEqual([]);
  });
});
