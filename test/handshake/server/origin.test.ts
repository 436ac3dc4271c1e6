import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { kindOf } from "../../../src/arguments.ts";
import {
  asksFunction,
  checkOrigin,
  type OriginPolicy,
  originsKind,
} from "../../../src/handshake/server/origin.ts";
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
    void checkOrigin(request(["Host: example.org", ...headers]), policy ?? "same");
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

describe("originsKind", () => {
  it.each([
    ["https://", undefined],
    ["https://*", undefined],
    ["https://a.*.example.org", undefined],
    ["https://example.org/", '["https://example.org"]'],
    ["https://user@example.org", undefined],
    ["*.example.org", '["https://*.example.org"]'],
    ["localhost:*", '["https://localhost:*"]'],
    ["https://example.org:port", undefined],
    ["*", '"any"'],
  ])("refuses %j in a list, and says what to write: %s", (origin, instead) => {
    expect(originsKind.is([origin])).toBe(false);
    expect(originsKind.instead!([origin], "origins")).toBe(instead);
  });

  it("accepts functions, alone and in lists", () => {
    expect(originsKind.is(() => true)).toBe(true);
    expect(originsKind.is(["https://example.org", () => true])).toBe(true);
    expect(originsKind.is([5])).toBe(false);
    expect(originsKind.instead!([5], "origins")).toBeUndefined();
  });
});

describe("asksFunction()", () => {
  it.each<[OriginPolicy, boolean]>([
    ["any", false],
    [["https://example.org"], false],
    [["https://example.org", () => true], true],
    [() => true, true],
  ])("says of %s: %s", (policy, expected) => {
    expect(asksFunction(policy)).toBe(expected);
  });
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
  ])("says with the policy %j for %j: %s", (policy, headers, expected) => {
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

  it.each<[string, string, boolean]>([
    ["https://*.example.org", "https://a.example.org", true],
    ["https://*.example.org", "https://A.b.EXAMPLE.org", true],
    ["https://*.example.org", "https://example.org", false],
    ["https://*.example.org", "https://.example.org", false],
    ["https://*.example.org", "https://evilexample.org", false],
    ["https://*.example.org", "https://evil.example/.example.org", false],
    ["https://*.example.org", "https://evil.example:1@a.example.org", false],
    ["https://*.example.org", "https://a.example.org.evil.example", false],
    ["https://*.example.org", "http://a.example.org", false],
    ["https://*.example.org", "https://a.example.org:8443", false],
    ["https://*.example.org:8443", "https://a.example.org:8443", true],
    ["https://*.example.org:*", "https://a.example.org:8443", true],
    ["https://*.example.org:*", "https://a.example.org", true],
    ["http://localhost:*", "http://localhost:3000", true],
    ["http://localhost:*", "http://localhost", true],
    ["http://localhost:*", "http://localhost.evil.example:3000", false],
    ["http://localhost:*", "http://localhost:x", false],
    ["http://[::1]:*", "http://[::1]:3000", true],
    ["http://[::1]:*", "http://[::1]", true],
    ["https://*.example.org", "null", false],
    ["file://", "file://", true],
  ])("judges with the pattern %s a page of %s: %s", (pattern, origin, expected) => {
    expect(originsKind.is([pattern])).toBe(true);
    expect(isAllowed([pattern], `Origin: ${origin}`)).toBe(expected);
  });

  it("asks a function, with the origin and the request, and waits for its answer", async () => {
    const seen: unknown[] = [];
    const one = request(["Host: a", evil]);
    checkOrigin(one, (origin, asked) => {
      seen.push(origin, asked === one);
      return true;
    });
    expect(seen).toEqual(["https://evil.example", true]);
    await checkOrigin(one, () => Promise.resolve(true));
    const refused = expect.objectContaining({ code: "BAD_ORIGIN" }) as Error;
    expect(() => checkOrigin(one, () => false)).toThrow(refused);
    await expect(checkOrigin(one, () => Promise.resolve(false))).rejects.toEqual(refused);
    // Programs are no pages: nobody is asked about them.
    checkOrigin(request(["Host: a"]), () => false);
  });

  it("asks the functions of a list one by one, where its texts do not fit, until one says yes", async () => {
    const asked: string[] = [];
    const says = (name: string, answer: boolean | Promise<boolean>) => () => {
      asked.push(name);
      return answer;
    };
    const list = [
      "https://app.example",
      says("a", false),
      says("b", Promise.resolve(false)),
      "https://*.app.example",
      says("c", Promise.resolve(true)),
      says("d", true),
    ];
    await checkOrigin(request(["Host: a", evil]), list);
    expect(asked).toEqual(["a", "b", "c"]);
    checkOrigin(request(["Host: a", "Origin: https://x.app.example"]), list);
    checkOrigin(request(["Host: a", evil]), [says("e", true), says("f", true)]);
    expect(asked).toEqual(["a", "b", "c", "e"]);
  });

  it.each([[undefined], ["yes"], [1]])(
    "refuses the answer %j, rather than treat it as yes",
    async (answer) => {
      const error = new TypeError(
        `What a function of origins returns must be true or false: ${kindOf(answer)}`,
      );
      const one = request(["Host: a", evil]);
      expect(() => checkOrigin(one, (() => answer) as never)).toThrow(error);
      await expect(checkOrigin(one, (() => Promise.resolve(answer)) as never)).rejects.toThrow(
        error,
      );
    },
  );

  it.each([
    ["a certificate", { encrypted: true, tls: { peerCertificate: {} } }, undefined],
    ["a certificate that a balancer has seen", {}, { tls: { hasCertificate: true } }],
  ])('counts %s as credentials, with "cookies"', (_, facts, proxied) => {
    const head = headOf(["Host: a", evil]);
    const with_ = new UpgradeRequest(head, facts as never, {
      address: "192.0.2.1",
      port: 7,
      encrypted: true,
      host: "a",
      proxied: proxied as never,
    });
    expect(() => {
      checkOrigin(with_, "cookies");
    }).toThrow(expect.objectContaining({ code: "BAD_ORIGIN" }));
    const without = new UpgradeRequest(head, { encrypted: true, tls: {} as never });
    checkOrigin(without, "cookies");
  });

  it.each<[OriginPolicy, string]>([
    [
      "same",
      "https://evil.example is not of the server's own host, inner:8080: name it in origins; behind a proxy that rewrites Host, set trustProxy",
    ],
    [["https://app.example"], "https://evil.example is none that origins lets in"],
  ])("says what to do in the cause, and not to the page: %j", (policy, text) => {
    let refusal: unknown;
    try {
      void checkOrigin(request(["Host: inner:8080", evil]), policy);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ message: "Origin is not allowed", cause: { message: text } });
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

  it("refuses an invalid policy", () => {
    expect(() => {
      checkOrigin(request(["Host: a", evil]), "nobody" as never);
    }).toThrow(TypeError);
  });
});
