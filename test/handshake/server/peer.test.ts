import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import {
  directPeer,
  PeerFinder,
  type Peer,
  type PeerOptions,
} from "../../../src/handshake/server/peer.ts";
import { HeadParser } from "../../../src/http/parser.ts";

const socket = { remoteAddress: "::ffff:10.0.0.1", remotePort: 9, encrypted: false };

function find(options: PeerOptions, lines: readonly string[], facts: object = socket): Peer {
  return findOf(options, ["GET / HTTP/1.1", "Host: inner", ...lines], facts);
}

/** Finds who has sent a head, given by its lines. */
function findOf(options: PeerOptions, lines: readonly string[], facts: object = socket): Peer {
  const parser = new HeadParser("request");
  parser.feed(encodeUtf8(`${lines.join("\r\n")}\r\n\r\n`));
  return new PeerFinder(options).find(parser.head, facts);
}

const direct = {
  address: "10.0.0.1",
  port: 9,
  encrypted: false,
  host: "inner",
  proxied: undefined,
};
const trustProxy = ["10.0.0.0/8"];

describe("directPeer()", () => {
  it("gives the socket's address, an IPv4 address in its usual form", () => {
    expect(directPeer(socket, "a")).toEqual({ ...direct, host: "a" });
    expect(directPeer({ encrypted: true } as object, "")).toEqual({
      address: undefined,
      port: undefined,
      encrypted: true,
      host: "",
    });
  });
});

describe("PeerFinder", () => {
  it("trusts no proxy by default", () => {
    const parser = new HeadParser("request");
    parser.feed(encodeUtf8("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"));
    expect(new PeerFinder().find(parser.head, socket).address).toBe("10.0.0.1");
  });

  it("refuses wrong options", () => {
    const make = (options: object) => () => new PeerFinder(options);
    expect(make({ trustproxy: 1 })).toThrow(/trustProxy/);
    expect(make({ trustProxy: true })).toThrow(TypeError);
    expect(make({ proxyHeaders: ["x-real-ip"] })).toThrow(TypeError);
  });

  const forged = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "Forwarded: for=7.7.7.7"];

  it.each<[string, PeerOptions]>([
    ["nobody is trusted", {}],
    ["no hop is", { trustProxy: 0 }],
    ["others are", { trustProxy: ["192.0.2.0/24"] }],
    ["a function says so", { trustProxy: () => false }],
  ])("reads no header of a stranger, malformed or not, if %s", (_, options) => {
    expect(find(options, forged)).toEqual(direct);
    expect(find(options, ['Forwarded: "', "X-Forwarded-Proto: ?"])).toEqual(direct);
  });

  it("gives no host if HTTP/1.0 names none, unless a trusted proxy does", () => {
    const bare = "GET / HTTP/1.0";
    expect(findOf({}, [bare])).toEqual({ ...direct, host: "" });
    expect(findOf({ trustProxy }, [bare])).toEqual({ ...direct, host: "" });
    const told = findOf({ trustProxy }, [bare, "X-Forwarded-Host: chat.example"]);
    expect(told.host).toBe("chat.example");
  });

  it("gives what a trusted proxy tells, and the rest from the socket", () => {
    expect(find({ trustProxy }, ["X-Forwarded-For: 192.0.2.1"])).toEqual({
      ...direct,
      address: "192.0.2.1",
      port: undefined,
    });
    expect(find({ trustProxy }, ["X-Forwarded-Proto: https"])).toEqual({
      ...direct,
      encrypted: true,
    });
    expect(find({ trustProxy }, ['Forwarded: for="[::1]:8";proto=https;host=a.example'])).toEqual({
      address: "::1",
      port: 8,
      encrypted: true,
      host: "a.example",
      proxied: undefined,
    });
    expect(find({ trustProxy }, [])).toEqual(direct);
  });

  it("gives no address if a trusted proxy hides it", () => {
    expect(find({ trustProxy }, ["X-Forwarded-For: unknown"]).address).toBeUndefined();
  });

  it("trusts a Unix socket if told to", () => {
    const lines = ["X-Forwarded-For: 192.0.2.1"];
    expect(find({ trustProxy: ["unix"] }, lines, {}).address).toBe("192.0.2.1");
    expect(find({ trustProxy }, lines, {}).address).toBeUndefined();
    expect(find({ trustProxy: 1 }, lines, {}).address).toBe("192.0.2.1");
  });

  it("asks a function about each hop, the nearest one first, until it says no", () => {
    const asked: unknown[] = [];
    const lines = ["X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2"];
    const options: PeerOptions = {
      trustProxy: (address, hop) => {
        asked.push([address, hop]);
        return address?.startsWith("10.") === true;
      },
    };
    expect(find(options, lines).address).toBe("192.0.2.1");
    expect(asked).toEqual([
      ["10.0.0.1", 0],
      ["10.0.0.2", 1],
      ["192.0.2.1", 2],
    ]);
  });

  it.each([
    [["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"]],
    [["X-Forwarded-For: 192.0.2.1:7", "Forwarded: for=192.0.2.1"]],
    [["X-Forwarded-Proto: https", "Forwarded: for=192.0.2.1"]],
    [["X-Forwarded-For: 192.0.2.1", "Forwarded: proto=https"]],
    [["X-Forwarded-Host: A.example", "Forwarded: for=192.0.2.1;host=a.EXAMPLE"]],
  ])("accepts both kinds of headers if they agree: %j", (lines) => {
    find({ trustProxy }, lines);
  });

  it.each([
    [["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2"]],
    [["X-Forwarded-For: unknown", "Forwarded: for=192.0.2.2"]],
    [["X-Forwarded-For: 192.0.2.1:7", 'Forwarded: for="192.0.2.1:8"']],
    [["X-Forwarded-Proto: https", "Forwarded: for=192.0.2.1;proto=http"]],
    [["X-Forwarded-Host: a", "Forwarded: for=192.0.2.1;host=b"]],
  ])("refuses them if one contradicts the other: %j", (lines) => {
    expect(() => find({ trustProxy }, lines)).toThrow(
      expect.objectContaining({ code: "BAD_FORWARDED", status: 400 }),
    );
    // One that the proxy does not write is left to who sent it.
    find({ trustProxy, proxyHeaders: ["forwarded"] }, lines);
    const proxyHeaders = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] as const;
    find({ trustProxy, proxyHeaders }, lines);
  });
});
