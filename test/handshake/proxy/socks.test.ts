import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../../src/bytes.ts";
import { TransportError } from "../../../src/errors.ts";
import { ProxyError } from "../../../src/handshake/proxy/proxy-error.ts";
import { socksTunnel } from "../../../src/handshake/proxy/socks.ts";
import { cuts } from "../../support/cuts.ts";
import { runTunnel } from "../../support/tunnel-stream.ts";
import { latin1Bytes, textOf } from "../streams.ts";

const target = { hostname: "a.example", port: 443 };
const credentials = { user: "me", password: "secret" };

const withoutLogin = [5, 0];
const withLogin = [5, 2, 1, 0];
const granted = [5, 0, 0, 1, 127, 0, 0, 1, 0x12, 0x34];

/** "a.example" with its length in front. */
const name = [9, ...latin1Bytes("a.example")];

function written(stream: { writes: readonly Uint8Array[] }): number[][] {
  return stream.writes.map((bytes) => [...bytes]);
}

/** The cause of the failure that an answer leads to. */
async function causeOf(tunnel: ReturnType<typeof socksTunnel>, answer: number[]): Promise<unknown> {
  const { error } = await runTunnel(tunnel, [Uint8Array.from(answer)]);
  expect(error).toBeInstanceOf(TransportError);
  expect(error).toMatchObject({ code: "PROXY_FAILED" });
  const { cause } = error as Error;
  expect(cause).toBeInstanceOf(ProxyError);
  expect((cause as Error).message).not.toContain("secret");
  return cause;
}

describe("what socksTunnel() asks", () => {
  it("offers no authentication, and names the target", async () => {
    const answer = Uint8Array.from([...withoutLogin, ...granted]);
    const { stream, error } = await runTunnel(socksTunnel(target), [answer]);
    expect(error).toBeUndefined();
    expect(written(stream)).toEqual([
      [5, 1, 0],
      [5, 1, 0, 3, ...name, 0x01, 0xbb],
    ]);
  });

  it("offers a password if it has one, and sends it when asked", async () => {
    const answer = Uint8Array.from([...withLogin, ...granted]);
    const { stream, error } = await runTunnel(socksTunnel(target, credentials), [answer]);
    expect(error).toBeUndefined();
    expect(written(stream)).toEqual([
      [5, 2, 0, 2],
      [1, 2, ...latin1Bytes("me"), 6, ...latin1Bytes("secret")],
      [5, 1, 0, 3, ...name, 0x01, 0xbb],
    ]);
  });

  it("does not send its password if it is not asked for", async () => {
    const answer = Uint8Array.from([...withoutLogin, ...granted]);
    const { stream, error } = await runTunnel(socksTunnel(target, credentials), [answer]);
    expect(error).toBeUndefined();
    expect(textOf(stream.written)).not.toContain("secret");
  });

  it.each([
    ["192.0.2.7", 80, [5, 1, 0, 1, 192, 0, 2, 7, 0, 80]],
    [
      "2001:db8::1",
      65535,
      [5, 1, 0, 4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff],
    ],
  ])("sends the address %s in binary", async (hostname, port, request) => {
    const answer = Uint8Array.from([...withoutLogin, ...granted]);
    const { stream } = await runTunnel(socksTunnel({ hostname, port }), [answer]);
    expect(written(stream)[1]).toEqual(request);
  });

  it("accepts user and password of up to 255 bytes, and a user alone", async () => {
    const answer = Uint8Array.from([...withLogin, ...granted]);
    for (const [user, password] of [
      ["u".repeat(255), `${"\u00FC".repeat(127)}p`],
      ["token", ""],
    ] as const) {
      const { stream } = await runTunnel(socksTunnel(target, { user, password }), [answer]);
      const [userBytes, passwordBytes] = [Buffer.from(user), Buffer.from(password)];
      expect(written(stream)[1]).toEqual([
        1,
        userBytes.length,
        ...userBytes,
        passwordBytes.length,
        ...passwordBytes,
      ]);
    }
  });

  it.each([
    ["", "secret", /user/],
    ["\u00FC".repeat(128), "secret", /user/],
    ["me", "\u00FC".repeat(128), /password/],
  ])("refuses the user %j with the password %j", (user, password, message) => {
    const act = (): unknown => socksTunnel(target, { user, password });
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
    expect(act).not.toThrow(/secret/);
  });

  it.each([["" as string], ["a".repeat(256)]])("refuses the host %j", (hostname) => {
    expect(() => socksTunnel({ hostname, port: 1 })).toThrow(TypeError);
  });

  it("accepts a host of 255 bytes", () => {
    expect(() => socksTunnel({ hostname: "a".repeat(255), port: 1 })).not.toThrow();
  });
});

describe("the answers to socksTunnel()", () => {
  it.each([
    ["an IPv4 address", [1, 127, 0, 0, 1]],
    ["an IPv6 address", [4, ...new Array<number>(16).fill(7)]],
    ["a name", [3, ...name]],
    ["an empty name", [3, 0]],
  ])("open the tunnel at every cut, and leave what follows: %s", async (_, address) => {
    const behind = [1, 2, 3];
    const reply = [5, 0, 0, ...address, 0x12, 0x34];
    for (const [tunnel, first] of [
      [socksTunnel(target), withoutLogin],
      [socksTunnel(target, credentials), withLogin],
    ] as const) {
      for (const pieces of cuts(Uint8Array.from([...first, ...reply, ...behind]))) {
        const { stream, error } = await runTunnel(tunnel, pieces);
        expect(error).toBeUndefined();
        expect([...stream.left]).toEqual(behind);
      }
    }
  });

  it.each([
    [1, "SOCKS proxy refused the way: general failure"],
    [2, "SOCKS proxy refused the way: connection is not allowed by its rules"],
    [3, "SOCKS proxy refused the way: network is unreachable"],
    [4, "SOCKS proxy refused the way: host is unreachable"],
    [5, "SOCKS proxy refused the way: connection was refused"],
    [6, "SOCKS proxy refused the way: time to live has expired"],
    [7, "SOCKS proxy refused the way: command is not supported"],
    [8, "SOCKS proxy refused the way: address type is not supported"],
    [9, "SOCKS proxy refused the way: reply 9"],
    [255, "SOCKS proxy refused the way: reply 255"],
  ])("report a refusal: %d", async (status, message) => {
    const cause = await causeOf(socksTunnel(target), [...withoutLogin, 5, status]);
    expect(cause).toMatchObject({ message, status, headers: [] });
  });

  it.each<[string, object | undefined, number[], string]>([
    ["want a password", undefined, [5, 0xff], "SOCKS proxy wants to know who asks"],
    [
      "want something else",
      credentials,
      [5, 0xff],
      "SOCKS proxy takes neither a password nor none",
    ],
    ["choose a password unasked", undefined, [5, 2], "SOCKS proxy chose what was not offered"],
    ["choose GSSAPI", credentials, [5, 1], "SOCKS proxy chose what was not offered"],
    ["refuse the password", credentials, [5, 2, 1, 1], "SOCKS proxy refused user or password"],
    ["are of version 4", undefined, [4, 0], "SOCKS proxy answers in another protocol"],
    ["are HTTP", undefined, [0x48, 0x54], "SOCKS proxy answers in another protocol"],
    [
      "log in by another version",
      credentials,
      [5, 2, 5, 0],
      "SOCKS proxy answers in another protocol",
    ],
    [
      "reply by another version",
      undefined,
      [5, 0, 4, 0],
      "SOCKS proxy answers in another protocol",
    ],
    [
      "reply with a reserved byte",
      undefined,
      [5, 0, 5, 0, 1, 1],
      "SOCKS proxy answers in another protocol",
    ],
    [
      "reply with an unknown address type",
      undefined,
      [5, 0, 5, 0, 0, 2],
      "SOCKS proxy answers with an unknown address type",
    ],
  ])("are a failure if they %s", async (_, who, answer, message) => {
    const tunnel = socksTunnel(target, who as typeof credentials | undefined);
    expect(await causeOf(tunnel, answer)).toMatchObject({ message, status: 0 });
  });

  it("are a failure if they end early, at every place", async () => {
    for (const address of [
      [1, 127, 0, 0, 1],
      [3, ...name],
    ]) {
      const answer = [...withLogin, 5, 0, 0, ...address, 0, 80];
      for (let end = 0; end < answer.length; end++) {
        const cause = await causeOf(socksTunnel(target, credentials), answer.slice(0, end));
        expect(cause).toMatchObject({ message: /closed the connection/ });
      }
    }
  });

  it("are a failure if the stream fails", async () => {
    const reset = new TransportError("RESET");
    const { error } = await runTunnel(socksTunnel(target), [Uint8Array.of(5)], reset);
    expect(error).toMatchObject({ code: "PROXY_FAILED" });
    expect((error as Error).cause).toBe(reset);
  });

  it("fail only with their own errors, whatever comes", async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 8 }),
        fc.constantFrom(withoutLogin, withLogin, granted).map((bytes) => Uint8Array.from(bytes)),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (answer) => {
        const { stream, error } = await runTunnel(socksTunnel(target, credentials), answer);
        if (error === undefined) {
          expect(concat(answer).length).toBeGreaterThan(stream.left.length);
          return;
        }
        expect(error).toMatchObject({ code: "PROXY_FAILED" });
        expect((error as Error).cause).toBeInstanceOf(ProxyError);
      }),
      { seed: 1928, numRuns: 1000 },
    );
  });
});
