import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { acceptKey } from "../../src/handshake/accept.ts";
import {
  fieldOf,
  HeadTranslator,
  toUpgradeRequest,
  toUpgradeResponse,
} from "../../src/handshake/extended-connect.ts";
import { checkRequest, checkUpgrade } from "../../src/handshake/server/request.ts";
import { HeadParser } from "../../src/http/parser.ts";
import { latin1Bytes, textOf } from "./streams.ts";

/** The example of RFC 8441, 5.1. */
const rawHeaders = [
  ...[":method", "CONNECT"],
  ...[":protocol", "websocket"],
  ...[":scheme", "https"],
  ...[":path", "/chat"],
  ...[":authority", "server.example.com"],
  ...["sec-websocket-protocol", "chat, superchat"],
  ...["sec-websocket-extensions", "permessage-deflate"],
  ...["sec-websocket-version", "13"],
  ...["origin", "http://www.example.com"],
];

/** Stands in for the key that nobody sends. */
const key = "AAAAAAAAAAAAAAAAAAAAAA==";

/** The example, with fields changed or, as undefined, taken away. */
function changed(changes: Record<string, string | undefined>): string[] {
  const pairs: [string, string | undefined][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    pairs.push([name, name in changes ? changes[name] : rawHeaders[i + 1]]);
  }
  const added = Object.entries(changes).filter(([name]) => !rawHeaders.includes(name));
  return [...pairs, ...added].flatMap(([name, value]) =>
    value === undefined ? [] : [name, value],
  );
}

/** What the one check of requests makes of an extended CONNECT. */
function verdict(raw: readonly string[]): unknown {
  const parser = new HeadParser("request");
  try {
    parser.feed(toUpgradeRequest(raw));
    checkRequest(parser.head);
    checkUpgrade(parser.head);
    return "good";
  } catch (error) {
    return (error as { status?: number }).status;
  }
}

describe("toUpgradeRequest()", () => {
  it("translates the example of RFC 8441 to HTTP/1.1", () => {
    expect(textOf(toUpgradeRequest(rawHeaders)).split("\r\n")).toEqual([
      "GET /chat HTTP/1.1",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${key}`,
      "Host: server.example.com",
      "sec-websocket-protocol: chat, superchat",
      "sec-websocket-extensions: permessage-deflate",
      "sec-websocket-version: 13",
      "origin: http://www.example.com",
      "",
      "",
    ]);
    expect(verdict(rawHeaders)).toBe("good");
  });

  it("joins cookie headers that come apart (RFC 9113, 8.2.3)", () => {
    const text = textOf(toUpgradeRequest([...rawHeaders, "cookie", "a=b", "cookie", "c=d"]));
    expect(text).toContain("\r\ncookie: a=b; c=d\r\n");
  });

  it("keeps a Host header that agrees with the authority", () => {
    const raw = changed({ "x-forwarded-host": "server.example.com" });
    const text = textOf(toUpgradeRequest(raw));
    expect(text).toContain("\r\nx-forwarded-host: server.example.com\r\n");
  });

  it("omits a key and a proof, which mean nothing here (RFC 8441, 5)", () => {
    const raw = changed({ "sec-websocket-key": "x", "sec-websocket-accept": "y" });
    expect(textOf(toUpgradeRequest(raw))).not.toMatch(/: [xy]\r\n/);
    expect(verdict(raw)).toBe("good");
  });

  it.each<[string, Record<string, string | undefined>]>([
    ["a Host that is the authority", { host: "SERVER.example.com" }],
    ["a Host in the place of the authority", { ":authority": undefined, host: "a.example" }],
    ["the scheme http", { ":scheme": "http" }],
    ["the scheme HTTPS", { ":scheme": "HTTPS" }],
  ])("accepts %s", (_, changes) => {
    expect(verdict(changed(changes))).toBe("good");
  });

  it.each<[string, Record<string, string | undefined>, number]>([
    ["no authority", { ":authority": undefined }, 400],
    ["no path", { ":path": undefined }, 400],
    ["a path that is none", { ":path": "chat" }, 400],
    ["a whole URL as its path", { ":path": "https://other.example/chat" }, 400],
    ["a path with a blank", { ":path": "/a b" }, 400],
    ["no scheme", { ":scheme": undefined }, 400],
    ["another scheme", { ":scheme": "ftp" }, 400],
    ["a scheme that begins like one", { ":scheme": "httpx" }, 400],
    ["a scheme that ends like one", { ":scheme": "xhttps" }, 400],
    ["its own URL as its path", { ":path": "https://server.example.com/chat" }, 400],
    ["a header of another connection", { "keep-alive": "1" }, 400],
    ["a header of a proxy's connection", { "proxy-connection": "close" }, 400],
    ["a header of a way to HTTP/2", { "http2-settings": "AAA" }, 400],
    ["another Host than the authority", { host: "other.example" }, 400],
    ["a header of the connection", { connection: "keep-alive" }, 400],
    ["another header of the connection", { "transfer-encoding": "chunked" }, 400],
    ["a line break in a value", { "x-a": "b\r\nx-c: d" }, 400],
    ["an empty name", { "": "b" }, 400],
    ["no version", { "sec-websocket-version": undefined }, 400],
    ["another version", { "sec-websocket-version": "8" }, 426],
  ])("makes a refused request of one with %s", (_, changes, status) => {
    expect(verdict(changed(changes))).toBe(status);
  });
});

describe("fieldOf()", () => {
  it("gives the first field of a name", () => {
    expect(fieldOf(["a", "1", "b", "2", "b", "3"], "b")).toBe("2");
    // What is a value is no name.
    expect(fieldOf(["a", "b", "c", "d"], "b")).toBeUndefined();
  });
});

describe("toUpgradeResponse()", () => {
  it("makes 101 of 200, with the proof", () => {
    const headers = {
      ":status": 200,
      "sec-websocket-protocol": "chat",
      "set-cookie": ["a=b", "c=d"],
      "sec-websocket-accept": "forged",
    };
    expect(textOf(toUpgradeResponse(headers, key)).split("\r\n")).toEqual([
      "HTTP/1.1 101 ",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${acceptKey(key)}`,
      "sec-websocket-protocol: chat",
      "set-cookie: a=b",
      "set-cookie: c=d",
      "",
      "",
    ]);
  });

  it.each([201, 302, 404])("leaves %d as it is, so that nothing opens", (status) => {
    const headers = { ":status": status, location: "/there" };
    expect(textOf(toUpgradeResponse(headers, key))).toBe(
      `HTTP/1.1 ${status} \r\nlocation: /there\r\n\r\n`,
    );
  });

  it("omits headers of the connection, which HTTP/2 does not allow", () => {
    const parser = new HeadParser("response");
    const bytes = toUpgradeResponse({ ":status": 200, upgrade: "websocket" }, key);
    expect(() => parser.feed(bytes)).toThrow();
  });
});

describe("HeadTranslator", () => {
  const request =
    "GET /chat?x HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: abc\r\nSec-WebSocket-Version: 13\r\nX-Many: 1\r\nX-Many: 2\r\nX-Many: 3\r\n" +
    "constructor: x\r\n\r\n";

  it("makes an extended CONNECT of a request", () => {
    const translated = new HeadTranslator("request", "http").feed(latin1Bytes(request));
    expect(translated).toEqual({
      headers: {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "http",
        ":authority": "a.example",
        ":path": "/chat?x",
        "sec-websocket-version": "13",
        "x-many": ["1", "2", "3"],
        constructor: "x",
      },
      key: "abc",
      rest: new Uint8Array(0),
    });
    expect(new HeadTranslator("request").feed(latin1Bytes(request))!.headers[":scheme"]).toBe(
      "https",
    );
  });

  it("waits for the head's end, wherever it is cut, and gives what comes after it", () => {
    const bytes = encodeUtf8(`${request}frames`);
    const whole = new HeadTranslator("request").feed(bytes)!;
    expect(whole.rest).toEqual(encodeUtf8("frames"));
    for (let at = 1; at < request.length; at++) {
      const translator = new HeadTranslator("request");
      expect(translator.feed(bytes.slice(0, at))).toBeUndefined();
      expect(translator.feed(bytes.slice(at))).toEqual(whole);
    }
  });

  it("omits the headers of HTTP/1.1 for a connection", () => {
    const names = ["Connection", "HTTP2-Settings", "Keep-Alive", "Proxy-Connection"];
    const lines = [...names, "Transfer-Encoding", "Upgrade", "X-A"].map((name) => `${name}: b\r\n`);
    const head = `HTTP/1.1 404 \r\n${lines.join("")}\r\n`;
    expect(new HeadTranslator("response").feed(latin1Bytes(head))?.headers).toEqual({
      ":status": 404,
      "x-a": "b",
    });
  });

  it.each([
    ["101 Switching Protocols", 200],
    ["404 Not Found", 404],
  ])("makes of the response %s the status %d", (line, status) => {
    const head = `HTTP/1.1 ${line}\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\nX-A: b\r\n\r\n`;
    expect(new HeadTranslator("response").feed(latin1Bytes(head))).toEqual({
      headers: { ":status": status, "x-a": "b" },
      key: "",
      rest: new Uint8Array(0),
    });
  });
});
