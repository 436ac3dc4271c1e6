import { describe, expect, it } from "vitest";
import { encodeUtf8, latin1 } from "../../../src/bytes.ts";
import { HandshakeError } from "../../../src/errors.ts";
import { checkHost, checkTarget } from "../../../src/handshake/server/target.ts";
import type { Head } from "../../../src/http/head.ts";
import { HeadParser } from "../../../src/http/parser.ts";

/** A head that lies at index 3 of its bytes. */
function head(target: string, host = "localhost"): Head {
  const parser = new HeadParser("request");
  parser.feed(encodeUtf8(`...GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 3);
  return parser.head;
}

function authorityOf(of: Head): string | undefined {
  const range = checkTarget(of);
  return range === undefined ? undefined : latin1(of.bytes, range.start, range.end);
}

describe("checkTarget()", () => {
  it.each([
    ["/", undefined, "/"],
    ["/chat?room=1", undefined, "/chat?room=1"],
    ["//double", undefined, "//double"],
    ["/http://a", undefined, "/http://a"],
    ["http://a.example/chat?x=/y", "a.example", "/chat?x=/y"],
    ["https://a.example:8443/", "a.example:8443", "/"],
    ["ws://[::1]:80/x", "[::1]:80", "/x"],
    ["WSS://A.Example/x", "A.Example", "/x"],
    ["http://a.example", "a.example", ""],
    ["http://a.example?room=1", "a.example", "?room=1"],
    ["http:///chat", "", "/chat"],
    ["ws://", "", ""],
  ])("reduces %s: authority %j, path %j", (target, authority, path) => {
    const checked = head(target);
    expect(authorityOf(checked)).toBe(authority);
    expect(checked.target).toBe(path);
  });

  it.each(["*", "chat", "a.example:80", "ftp://a/", "http:/a", "http:", "ws:/", "?x", "wss//a"])(
    "refuses %s",
    (target) => {
      const act = (): unknown => checkTarget(head(target));
      expect(act).toThrow(HandshakeError);
      expect(act).toThrow(expect.objectContaining({ code: "MALFORMED_REQUEST", status: 400 }));
    },
  );
});

function check(host: string, target = "/"): void {
  const checked = head(target, host);
  checkHost(checked, checked.find("host"), checkTarget(checked));
}

describe("checkHost()", () => {
  it.each([
    "localhost",
    "a.example",
    "a.example:",
    "a.example:0",
    "a.example:65535",
    "127.0.0.1:80",
    "[::1]",
    "[2001:DB8::ffff:1.2.3.4]:443",
    "xn--bcher-kva.example",
    "under_score",
    "a%2Db",
    "a~!$&'()*+,;=b",
    "[::]:",
    "a.example:00080",
    "a.example:9090",
  ])("accepts %s", (host) => {
    expect(() => {
      check(host);
    }).not.toThrow();
  });

  it.each([
    "",
    ":80",
    "a.example:65536",
    "a.example:99999",
    "a.example:123456",
    "a.example:000080",
    "a.example:80:80",
    "a.example:8o",
    "a.example:-1",
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "user@a.example",
    "http://a.example",
    "[]",
    "[::1",
    "::1",
    "[::1%eth0]",
    "[g::1]",
    "[::1]80",
    "b\u00FCcher.example",
    "a, b",
    "[",
    "]",
    "[::1]]",
    "[::1x",
    "[::1/:80",
    "[::1]:65536",
    "a[::1]",
    "a.example:8/",
    "a.example:8\uFF10",
    "a.example:\t1",
    "a\\b",
    "a@b",
  ])("refuses %j", (host) => {
    const act = (): void => {
      check(host);
    };
    expect(act).toThrow(HandshakeError);
    expect(act).toThrow(expect.objectContaining({ code: "BAD_HOST", status: 400 }));
  });

  it.each([
    ["http://a.example/", "a.example"],
    ["http://A.Example/", "a.eXAMPLE"],
    ["ws://a.example:81?x", "a.example:81"],
  ])("accepts for %s the host %s", (target, host) => {
    expect(() => {
      check(host, target);
    }).not.toThrow();
  });

  it.each([
    ["http://a.example/", "b.example"],
    ["http://a.example:80/", "a.example"],
    ["http://user@a.example/", "a.example"],
    ["http:///", "a.example"],
    ["http://a.example", "a.example:80"],
  ])("refuses for %s the host %s", (target, host) => {
    expect(() => {
      check(host, target);
    }).toThrow(expect.objectContaining({ code: "BAD_HOST" }));
  });
});
