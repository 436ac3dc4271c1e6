import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { checkOrigin, type OriginPolicy } from "../../../src/handshake/server/origin.ts";
import { UpgradeRequest } from "../../../src/handshake/server/upgrade-request.ts";
import type { Head } from "../../../src/http/head.ts";
import { HeadParser } from "../../../src/http/parser.ts";

function headOf(headers: readonly string[]): Head {
  const parser = new HeadParser("request", {
    maxHeadSize: 4096,
    maxTargetSize: 4096,
    maxHeaders: 99,
  });
  parser.feed(encodeUtf8(`GET / HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`));
  return parser.head;
}

/** A request with these headers. */
function request(headers: readonly string[]): UpgradeRequest {
  return new UpgradeRequest(headOf(headers));
}

function isAllowed(policy: OriginPolicy | undefined, ...headers: string[]): boolean {
  try {
    checkOrigin(request(["Host: example.org", ...headers]), policy);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: "HandshakeError", code: "BAD_ORIGIN", status: 403 });
    return false;
  }
}

const evil = "Origin: https://evil.example";

describe("checkOrigin() where the request names no host", () => {
  it.each(["Origin: https://", "Origin: https://example.org", "Origin: "])(
    "refuses %j",
    (origin) => {
      expect(() => {
        checkOrigin(request(["Host: ", origin]), "same");
      }).toThrow(expect.objectContaining({ code: "BAD_ORIGIN" }));
    },
  );
});

describe("checkOrigin()", () => {
  it.each<[OriginPolicy | undefined, string[], boolean]>([
    ["any", [evil, "Cookie: a=1"], true],
    [undefined, [evil], false],
    ["same", [evil], false],
    ["same", [], true],
    ["same", ["Origin: https://example.org"], true],
    ["same", ["Origin: http://example.org"], true],
    ["same", ["Origin: https://EXAMPLE.org"], true],
    ["same", ["Origin: https://example.org:443"], true],
    ["same", ["Origin: https://example.org:8443"], false],
    ["same", ["Origin: https://sub.example.org"], false],
    ["same", ["Origin: https://example.org.evil.example"], false],
    ["same", ["Origin: null"], false],
    ["same", ["Origin: "], false],
    ["same", ["Origin: example.org"], false],
    ["same", ["Origin: file://"], false],
    ["same", ["Origin: https://example.org", evil], false],
    ["cookies", [evil], true],
    ["cookies", [evil, "Cookie: a=1"], false],
    ["cookies", [evil, "Authorization: Basic YTpi"], false],
    ["cookies", ["Origin: null", "Cookie: a=1"], false],
    ["cookies", ["Cookie: a=1"], true],
    ["cookies", ["Origin: https://example.org", "Cookie: a=1"], true],
    [["https://app.example"], [evil], false],
    [["https://app.example"], ["Origin: https://app.example"], true],
    [["https://APP.example"], ["Origin: https://app.EXAMPLE"], true],
    [["https://app.example"], ["Origin: https://example.org"], false],
    [["https://app.example"], [], true],
    [[], [evil], false],
  ])("with the policy %j and %j says %s", (policy, headers, expected) => {
    expect(isAllowed(policy, ...headers)).toBe(expected);
  });

  it.each([
    ["localhost:3000", "http://localhost:3000", true],
    ["localhost:3000", "http://localhost:4000", false],
    ["localhost", "http://localhost:80", true],
    ["localhost:443", "https://localhost", true],
    ["localhost:80", "https://localhost", false],
    ["[::1]:8080", "http://[::1]:8080", true],
    ["[::1]:8080", "http://[0:0::1]:8080", true],
    ["127.0.0.1:1", "http://localhost:1", false],
    ["", "file://", false],
  ])("compares the Host %s with %s: %s", (host, origin, expected) => {
    const headers = [`Host: ${host}`, `Origin: ${origin}`];
    let isSame = true;
    try {
      checkOrigin(request(headers), "same");
    } catch {
      isSame = false;
    }
    expect(isSame).toBe(expected);
  });

  it("compares with the host that the client asked a trusted proxy for", () => {
    const head = headOf(["Host: inner:8080", "Origin: https://example.org"]);
    const behind = new UpgradeRequest(
      head,
      {},
      { address: "192.0.2.1", port: 7, encrypted: true, host: "example.org", proxied: undefined },
    );
    checkOrigin(behind, "same");
    expect(() => {
      checkOrigin(new UpgradeRequest(head), "same");
    }).toThrow(expect.objectContaining({ code: "BAD_ORIGIN" }));
  });

  it("refuses a policy that is none", () => {
    expect(() => {
      checkOrigin(request(["Host: a", evil]), "nobody" as never);
    }).toThrow(TypeError);
  });
});
