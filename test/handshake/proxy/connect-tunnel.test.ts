import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectTunnel } from "../../../src/handshake/proxy/connect-tunnel.ts";
import { ProxyError } from "../../../src/handshake/proxy/proxy-error.ts";
import { TransportError } from "../../../src/errors.ts";
import { cuts } from "../../support/cuts.ts";
import { runTunnel } from "../../support/tunnel-stream.ts";
import { latin1Bytes, textOf } from "../streams.ts";

const target = { hostname: "a.example", port: 443 };

const established = latin1Bytes("HTTP/1.1 200 Connection established\r\n\r\n");

/** What a proxy was asked. */
async function requestOf(...parameters: Parameters<typeof connectTunnel>): Promise<string> {
  const { stream, error } = await runTunnel(connectTunnel(...parameters), [established]);
  expect(error).toBeUndefined();
  return textOf(stream.written);
}

/** The cause of the failure that an answer leads to. */
async function causeOf(answer: string): Promise<unknown> {
  const { error } = await runTunnel(connectTunnel(target), [latin1Bytes(answer)]);
  expect(error).toBeInstanceOf(TransportError);
  expect(error).toMatchObject({ code: "PROXY_FAILED" });
  return (error as Error).cause;
}

describe("the request of connectTunnel()", () => {
  it("names the target with its port, twice", async () => {
    expect(await requestOf(target)).toBe(
      "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
    );
  });

  it("puts an IPv6 address into brackets", async () => {
    expect(await requestOf({ hostname: "2001:db8::1", port: 80 })).toBe(
      "CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
    );
  });

  it.each([
    // RFC 7617, 2 and 2.1
    ["Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
    ["test", "123\u00A3", "dGVzdDoxMjPCow=="],
    ["token", "", "dG9rZW46"],
    ["", "a:b", "OmE6Yg=="],
  ])("carries %s and %s as Basic credentials", async (user, password, basic) => {
    expect(await requestOf(target, { user, password })).toBe(
      "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n" +
        `Proxy-Authorization: Basic ${basic}\r\n\r\n`,
    );
  });

  it.each(["", "a b", "a\r\nEvil: 1", "a/b", "a?b", "a#b", "me@a", "\u00FC.example\u0100"])(
    "refuses the host %j",
    (hostname) => {
      expect(() => connectTunnel({ hostname, port: 443 })).toThrow(TypeError);
    },
  );

  it.each([
    ["a:b", "secret", /no colon/],
    ["a\n", "secret", /control/],
    ["a", "secret\0", /control/],
    ["a", "secret\x7F", /control/],
  ])("refuses the user %j and the password %j", (user, password, message) => {
    const act = (): unknown => connectTunnel(target, { user, password });
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
    expect(act).not.toThrow(/secret/);
  });
});

describe("connectTunnel()", () => {
  it.each(["::1 x", "::1\r\nA:1", "::1/x", "::1?x", "a.example/x", "me@a.example", ""])(
    "refuses the host %j",
    (hostname) => {
      expect(() => connectTunnel({ hostname, port: 80 })).toThrow(TypeError);
    },
  );
});

describe("the answer to connectTunnel()", () => {
  it.each([
    ["HTTP/1.1 200 Connection established\r\n\r\n"],
    ["HTTP/1.0 200 OK\r\n\r\n"],
    ["HTTP/1.1 200\r\n\r\n"],
    ["HTTP/1.1 299 Odd\r\nVia: 1.1 proxy\r\n\r\n"],
    // "A client MUST ignore any Content-Length or Transfer-Encoding" (RFC 9110, 9.3.6)
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
    [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
  ])("opens the tunnel, at every cut: %j", async (answer) => {
    for (const pieces of cuts(latin1Bytes(answer))) {
      const { stream, error } = await runTunnel(connectTunnel(target), pieces);
      expect(error).toBeUndefined();
      expect(stream.left.length).toBe(0);
    }
  });

  it("is read no further than the piece that it ends in", async () => {
    const behind = latin1Bytes("the target's");
    const { stream, error } = await runTunnel(connectTunnel(target), [established, behind]);
    expect(error).toBeUndefined();
    expect(textOf(stream.left)).toBe("the target's");
  });

  it("is a failure if more comes in one piece with it", async () => {
    expect(await causeOf(`${textOf(established)}x`)).toMatchObject({
      name: "ProxyError",
      message: "Proxy sent more than its answer",
      status: 0,
    });
  });

  it.each([
    [407, "Proxy Authentication Required"],
    [403, "Forbidden"],
    [300, "Multiple Choices"],
    [502, "Bad Gateway"],
    [101, "Switching Protocols"],
  ])("reports a refusal, at every cut: %d", async (status, reason) => {
    const answer = latin1Bytes(
      `HTTP/1.1 ${status} ${reason}\r\nProxy-Authenticate: Basic realm="x"\r\n` +
        "Content-Length: 4\r\n\r\nbody",
    );
    for (const pieces of cuts(answer)) {
      const { error } = await runTunnel(connectTunnel(target), pieces);
      expect(error).toMatchObject({ name: "TransportError", code: "PROXY_FAILED" });
      const { cause } = error as Error;
      expect(cause).toBeInstanceOf(ProxyError);
      expect(cause).toMatchObject({
        message: `Proxy refused the way: ${status} ${reason}`,
        status,
        headers: [
          ["Proxy-Authenticate", 'Basic realm="x"'],
          ["Content-Length", "4"],
        ],
      });
    }
  });

  it("may refuse without a reason", async () => {
    expect(await causeOf("HTTP/1.1 500 \r\n\r\n")).toMatchObject({
      message: "Proxy refused the way: 500",
    });
  });

  it.each([
    ["SSH-2.0-OpenSSH_9.2\r\n", { name: "HandshakeError", code: "MALFORMED_RESPONSE" }],
    ["HTTP/1.1 200 OK\n\n", { name: "HandshakeError", code: "MALFORMED_RESPONSE" }],
    ["\u0005\u00FF", { name: "HandshakeError", code: "MALFORMED_RESPONSE" }],
    [
      `HTTP/1.1 200 OK\r\nA: ${"a".repeat(16 * 1024)}`,
      { name: "LimitError", code: "HEAD_TOO_LARGE" },
    ],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(9), { message: /more than 8 informational/ }],
  ])(
    "is a failure if it is malformed: %j",
    async (answer, { message = /./, ...cause }: object & { message?: RegExp }) => {
      const error = await causeOf(answer);
      expect(error).toMatchObject(cause);
      expect((error as Error).message).toMatch(message);
    },
  );

  it("may come behind eight informational responses", async () => {
    const pieces = [latin1Bytes("HTTP/1.1 100 Continue\r\n\r\n".repeat(8)), established];
    expect((await runTunnel(connectTunnel(target), pieces)).error).toBeUndefined();
  });

  it("is limited as its caller says", async () => {
    const limits = { maxHeadSize: 30, maxTargetSize: 0, maxHeaders: 0 };
    const { error } = await runTunnel(connectTunnel(target, undefined, limits), [established]);
    expect((error as Error).cause).toMatchObject({ code: "HEAD_TOO_LARGE", limit: 30 });
  });

  it("is a failure if it ends early, at every place", async () => {
    for (let end = 0; end < established.length; end++) {
      const { error } = await runTunnel(connectTunnel(target), [established.slice(0, end)]);
      expect(error).toMatchObject({ code: "PROXY_FAILED" });
      expect((error as Error).cause).toMatchObject({ name: "ProxyError", status: 0 });
    }
  });

  it("fails only with its own errors, whatever comes", async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc
          .constantFrom("HTTP/1.1 ", "200 ", "407 ", "100 ", "OK", "\r\n", "A: b\r\n", "\r\n\r\n")
          .map(latin1Bytes),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (answer) => {
        const { error } = await runTunnel(connectTunnel(target), answer);
        if (error === undefined) return;
        expect(error).toMatchObject({ name: "TransportError", code: "PROXY_FAILED" });
        expect((error as Error).cause).toMatchObject({
          name: expect.stringMatching(/^(Proxy|Handshake|Limit)Error$/) as unknown,
        });
      }),
      { seed: 9110, numRuns: 500 },
    );
  });
});
