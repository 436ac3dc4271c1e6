import { describe, expect, it } from "vitest";
import { proxyFor } from "../../../src/handshake/proxy/proxy-environment.ts";

const plain = { isSecure: false, hostname: "a.example", port: 80 };
const secure = { isSecure: true, hostname: "a.example", port: 443 };

function proxyIn(
  variables: Readonly<Record<string, string>>,
  destination: typeof plain = secure,
): string | undefined {
  return proxyFor(destination, (name) => variables[name]);
}

describe("proxyFor()", () => {
  const plainOrder = ["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"];
  const secureOrder = [
    "wss_proxy",
    "WSS_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
  ];

  it.each([
    ["ws", plain, plainOrder],
    ["wss", secure, secureOrder],
  ])("uses the first variable for %s that is set and not empty", (_, destination, order) => {
    for (let first = 0; first < order.length; first++) {
      const variables = Object.fromEntries(
        order.map((name, index) => [name, index < first ? " " : `http://${name}`]),
      );
      expect(proxyIn(variables, destination)).toBe(`http://${order[first]}`);
    }
  });

  it("finds no proxy if no variable is set", () => {
    expect(proxyIn({})).toBeUndefined();
    expect(proxyIn({ http_proxy: "http://p", ws_proxy: "http://p" })).toBeUndefined();
    expect(proxyIn({ https_proxy: "http://p" }, plain)).toBeUndefined();
    expect(proxyIn({ https_proxy: "" })).toBeUndefined();
  });

  it("does not read HTTP_PROXY, which may be a request's header", () => {
    expect(proxyIn({ HTTP_PROXY: "http://evil" }, plain)).toBeUndefined();
    expect(proxyIn({ HTTP_PROXY: "http://evil" })).toBeUndefined();
  });

  it.each([
    ["p.example:3128", "http://p.example:3128"],
    ["me:secret@p.example", "http://me:secret@p.example"],
    ["  https://p.example ", "https://p.example"],
    ["socks5h://p.example", "socks5h://p.example"],
  ])("reads %j as %j", (value, url) => {
    expect(proxyIn({ https_proxy: value })).toBe(url);
  });

  it("reads NO_PROXY if no_proxy is not set or empty", () => {
    const https_proxy = "http://p";
    expect(proxyIn({ https_proxy, NO_PROXY: "a.example" })).toBeUndefined();
    expect(proxyIn({ https_proxy, no_proxy: "", NO_PROXY: "a.example" })).toBeUndefined();
    expect(proxyIn({ https_proxy, no_proxy: "b.example", NO_PROXY: "a.example" })).toBe("http://p");
  });

  it.each<[pattern: string, hostname: string, port?: number]>([
    ["*", "a.example"],
    ["*", "::1"],
    ["b.example,*", "a.example"],
    ["a.example", "a.example"],
    ["A.Example", "a.example"],
    ["a.example", "A.EXAMPLE"],
    ["example", "a.example"],
    ["a.example", "x.y.a.example"],
    [".a.example", "a.example"],
    [".a.example", "x.a.example"],
    ["*.a.example", "a.example"],
    ["*.a.example", "x.a.example"],
    ["a.example.", "a.example"],
    ["a.example", "a.example."],
    ["b.example, a.example", "a.example"],
    ["b.example a.example", "a.example"],
    [" , ,a.example,", "a.example"],
    ["a.example:443", "a.example", 443],
    [".a.example:443", "x.a.example", 443],
    ["192.0.2.7", "192.0.2.7"],
    ["192.0.2.7:8080", "192.0.2.7", 8080],
    ["192.0.2.0/24", "192.0.2.255"],
    ["192.0.2.7/32", "192.0.2.7"],
    ["192.0.2.128/25", "192.0.2.200"],
    ["10.0.0.0/8", "10.255.0.1"],
    ["0.0.0.0/0", "192.0.2.7"],
    ["::1", "::1"],
    ["[::1]", "::1"],
    ["[::1]:443", "::1", 443],
    ["2001:DB8:0::1", "2001:db8::1"],
    ["2001:db8::/32", "2001:db8:1::1"],
    ["fe80::/10", "febf::1"],
    ["::/0", "2001:db8::1"],
  ])("lets %j keep the proxy away from %s", (no_proxy, hostname, port = 443) => {
    const destination = { isSecure: true, hostname, port };
    expect(proxyIn({ https_proxy: "http://p", no_proxy }, destination)).toBeUndefined();
  });

  it.each<[pattern: string, hostname: string, port?: number]>([
    ["b.example", "a.example"],
    ["a.example", "nota.example"],
    ["x.a.example", "a.example"],
    ["a.example.com", "a.example"],
    [".", "a.example"],
    ["*.", "a.example"],
    ["**", "a.example"],
    ["*a.example", "xa.example"],
    ["a.example:80", "a.example", 443],
    ["a.example:", "a.example"],
    ["a.example:x", "a.example"],
    ["a.example:443x", "a.example"],
    ["1[::2]", "1::2"],
    ["[::1]5", "::15"],
    ["10.0.0.0/8x", "10.1.1.1"],
    ["192.0.2.7", "192.0.2.8"],
    ["2.7", "192.0.2.7"],
    ["192.0.2.7:80", "192.0.2.7", 443],
    ["192.0.2.7", "a.192.0.2.7.example"],
    ["192.0.2.0/24", "192.0.3.0"],
    ["192.0.2.0/25", "192.0.2.128"],
    ["192.0.2.0/33", "192.0.2.0"],
    ["192.0.2.0/", "192.0.2.0"],
    ["192.0.2.0/x", "192.0.2.0"],
    ["192.0.2/24", "192.0.2.0"],
    ["192.0.2.0/24", "a.example"],
    ["a.example/24", "192.0.2.0"],
    ["::/0", "192.0.2.0"],
    ["0.0.0.0/0", "::1"],
    ["fe80::/10", "fec0::1"],
    ["::1", "::2"],
    ["[::1]:80", "::1", 443],
    ["a.example", "::1"],
    ["127.0.0.1", "localhost"],
  ])("does not let %j keep it away from %s", (no_proxy, hostname, port = 443) => {
    const destination = { isSecure: true, hostname, port };
    expect(proxyIn({ https_proxy: "http://p", no_proxy }, destination)).toBe("http://p");
  });
});
