import { describe, expect, it } from "vitest";
import { type Destination, parseUrl } from "../../../src/handshake/client/url.ts";

describe("parseUrl()", () => {
  it.each<[url: string, destination: Destination]>([
    [
      "ws://a.example",
      { isSecure: false, hostname: "a.example", port: 80, host: "a.example", target: "/" },
    ],
    [
      "wss://a.example/chat?room=1",
      {
        isSecure: true,
        hostname: "a.example",
        port: 443,
        host: "a.example",
        target: "/chat?room=1",
      },
    ],
    [
      "WS://A.Example:8080/a%20b?x=/y",
      {
        isSecure: false,
        hostname: "a.example",
        port: 8080,
        host: "a.example:8080",
        target: "/a%20b?x=/y",
      },
    ],
    [
      "wss://a.example:443?x",
      { isSecure: true, hostname: "a.example", port: 443, host: "a.example", target: "/?x" },
    ],
    [
      "ws://a.example:443/",
      { isSecure: false, hostname: "a.example", port: 443, host: "a.example:443", target: "/" },
    ],
    [
      "ws://[::1]:65535/",
      { isSecure: false, hostname: "::1", port: 65535, host: "[::1]:65535", target: "/" },
    ],
    [
      "wss://[2001:DB8::1]/",
      { isSecure: true, hostname: "2001:db8::1", port: 443, host: "[2001:db8::1]", target: "/" },
    ],
    [
      "ws://b\u00FCcher.example/\u00FC?\u00FC b",
      {
        isSecure: false,
        hostname: "xn--bcher-kva.example",
        port: 80,
        host: "xn--bcher-kva.example",
        target: "/%C3%BC?%C3%BC%20b",
      },
    ],
  ])("splits %s into its parts", (url, destination) => {
    expect(parseUrl(url)).toEqual(destination);
    expect(parseUrl(new URL(url))).toEqual(destination);
  });

  it.each([
    ["", /whole URL such as "ws:\/\/localhost:8080\/chat": ""$/],
    ["/chat", /whole URL such as .*: "\/chat"$/],
    ["ws://", /whole URL such as .*: "ws:\/\/"$/],
    ["ws://a b/", /whole URL such as .*: "ws:\/\/a b\/"$/],
    ["ws://a:65536/", /whole URL such as .*: "ws:\/\/a:65536\/"$/],
    ["ws://user:password@a b/", /localhost:8080\/chat"$/],
    ["localhost:8080", /ws or wss: localhost:; write "ws:\/\/localhost:8080"$/],
    ["127.0.0.1:8080/chat", /; write "ws:\/\/127.0.0.1:8080\/chat"$/],
    ["chat.example", /; write "ws:\/\/chat.example"$/],
    ["ws://a:0/", /port 0/],
    ["http://a/", /ws or wss: http:/],
    ["https://a/", /ws or wss: https:/],
    ["wsx://a/", /ws or wss: wsx:/],
    ["ws://a/#x", /fragment/],
    ["ws://a/#", /fragment/],
    ["ws://a/?x#", /fragment/],
    ["ws://user@a/", /Authorization/],
    ["ws://:password@a/", /Authorization/],
    ["wss://user:password@a/", /Authorization/],
    ["ws://a/b\r\nEvil: 1", /line ends/],
    ["ws://a/\n", /line ends/],
    ["w\ts://a/", /line ends/],
  ])("refuses %j", (url, message) => {
    const act = (): Destination => parseUrl(url);
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
  });

  it.each([
    [undefined, "Undefined"],
    [8080, "Number"],
    [{ port: 8080 }, "Object"],
    [null, "Null"],
  ])("refuses %j, which is no URL at all", (url, kind) => {
    expect(() => parseUrl(url as never)).toThrow(
      new TypeError(`url must be a whole URL such as "ws://localhost:8080/chat": ${kind}`),
    );
  });
});
