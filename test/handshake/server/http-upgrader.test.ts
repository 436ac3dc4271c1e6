import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  HttpUpgrader,
  type ParsedRequest,
  upgradeHttp,
} from "../../../src/handshake/server/http-upgrader.ts";
import { PeerFinder } from "../../../src/handshake/server/peer.ts";
import { concat } from "../../../src/bytes.ts";
import { readAll } from "../../../src/io/full.ts";
import type { ByteStream } from "../../../src/io/byte-stream.ts";
import { exampleKey } from "../../support/peer.ts";
import { counted, text, toHex } from "../../support/frames.ts";
import { latin1Bytes, ScriptedStream, settled, switching, textOf } from "../streams.ts";

const rawHeaders = [
  ...["Host", "a.example"],
  ...["Upgrade", "websocket"],
  ...["Connection", "keep-alive, Upgrade"],
  ...["Sec-WebSocket-Version", "13"],
  ...["Sec-WebSocket-Key", exampleKey],
];

function parsed(changes: Partial<ParsedRequest> = {}, ...more: readonly string[]): ParsedRequest {
  return {
    method: "GET",
    url: "/chat?x",
    httpVersion: "1.1",
    rawHeaders: [...rawHeaders, ...more],
    ...changes,
  };
}

async function refused(
  request: ParsedRequest,
): Promise<{ readonly error: unknown; readonly status: string }> {
  const conn = new ScriptedStream();
  const { error } = await settled(upgradeHttp(request, conn));
  // Behind the answer, and once: nobody else looks after the connection.
  expect(conn.closes).toBe(1);
  return { error, status: conn.text.slice(9, 12) };
}

describe("HttpUpgrader.upgrade()", () => {
  it("asks the same callbacks, and gives the same answer", async () => {
    const lines: string[] = [];
    const upgrader = new HttpUpgrader({
      newContext: () => lines,
      onRequest: (target, context) => void context.push(textOf(target)),
      onHost: (host, context) => void context.push(textOf(host)),
      onHeader: (name, value, context) => void context.push(`${textOf(name)}: ${textOf(value)}`),
      protocol: (name) => textOf(name) === "b",
      header: [["A", "b"]],
    });
    const conn = new ScriptedStream();
    const more = ["x-forwarded-FOR", "caf\u00E9", "Sec-WebSocket-Protocol", "a, b"];
    const stream = await upgrader.upgrade(parsed({}, ...more), conn);
    expect(stream).toMatchObject({ protocol: "b", context: lines });
    expect(lines).toEqual(["/chat?x", "a.example", "X-Forwarded-For: caf\u00E9"]);
    const added = ["Sec-WebSocket-Protocol: b", "A: b"];
    expect(conn.text.split("\r\n")).toEqual([...switching, ...added, "", ""]);
  });

  it("writes everything to a stream that answers later, and takes a part", async () => {
    const inner = new ScriptedStream();
    const conn: ByteStream = {
      read: (into) => inner.read(into),
      write: (from) => Promise.resolve(inner.write(from.subarray(0, 5))),
      close() {},
    };
    const stream = await upgradeHttp(parsed(), conn, counted(1));
    inner.written.length = 0;
    const writes = ["first", "second", "third"].map((word) => stream.write(latin1Bytes(word)));
    expect(await Promise.all(writes)).toEqual([5, 6, 5]);
    expect(inner.text).toBe("first" + "second" + "third");
  });

  it("reads what the server had read after the request, then the connection", async () => {
    const frames = concat([text("Hello", { masked: true }), counted(6000)]);
    const conn = new ScriptedStream([latin1Bytes("later")], "end");
    const stream = await upgradeHttp(parsed(), conn, frames);
    const parts: Uint8Array[] = [];
    for (;;) {
      const into = new Uint8Array(1000);
      const count = (await stream.read(into)) ?? 0;
      if (count === 0) break;
      parts.push(into.subarray(0, count));
    }
    expect(toHex(concat(parts))).toBe(toHex(concat([frames, latin1Bytes("later")])));
    await stream.write(latin1Bytes("reply"));
    expect(conn.text.endsWith("\r\n\r\nreply")).toBe(true);
    await stream.close();
    expect(conn.closes).toBe(1);
  });

  it("assumes GET and / if method and URL are missing", async () => {
    const seen: string[] = [];
    const upgrader = new HttpUpgrader({ onRequest: (target) => void seen.push(textOf(target)) });
    await upgrader.upgrade({ httpVersion: "1.1", rawHeaders }, new ScriptedStream());
    expect(seen).toEqual(["/"]);
  });

  it.each<[what: string, request: ParsedRequest, status: string, code: string]>([
    ["HTTP/2.0", parsed({ httpVersion: "2.0" }), "505", "BAD_PROTOCOL"],
    ["HTTP/1.0", parsed({ httpVersion: "1.0" }), "505", "BAD_PROTOCOL"],
    ["POST", parsed({ method: "POST" }), "405", "BAD_METHOD"],
    ["another Host", parsed({}, "host", "b.example"), "400", "BAD_HOST"],
    ["no upgrade", parsed({ rawHeaders: ["Host", "a"] }), "426", "BAD_UPGRADE"],
    ["a body", parsed({}, "Content-Length", "1"), "400", "BAD_BODY"],
  ])("refuses %s by the same rules", async (_, request, status, code) => {
    expect(await refused(request)).toMatchObject({ error: { code }, status });
  });

  it.each<[what: string, request: ParsedRequest]>([
    ["a line in the method", parsed({ method: "GET / HTTP/1.1\r\nCookie: a\r\nX:" })],
    ["no method", parsed({ method: "" })],
    ["a line in the URL", parsed({ url: "/ HTTP/1.1\r\nCookie: a\r\nX:" })],
    ["a line in characters whose low bytes are its end", parsed({ url: "/\u010D\u010ACookie: a" })],
    ["a blank in the URL", parsed({ url: "/a b" })],
    ["no URL", parsed({ url: "" })],
    ["a version that is none", parsed({ httpVersion: "2" })],
    ["a line in the version", parsed({ httpVersion: "1.1\r\nCookie: a" })],
    ["a line in a value", parsed({}, "A", "b\r\nCookie: a")],
    ["a line in a value, by low bytes", parsed({}, "A", "b\u010D\u010ACookie: a")],
    ["a NUL in a value", parsed({}, "A", "\0")],
    ["a line in a name", parsed({}, "A: b\r\nCookie", "a")],
    ["a name with its value", parsed({}, "Cookie: a", "b")],
    ["an empty name", parsed({}, "", "b")],
    ["an end of the head in a value", parsed({}, "A", "\r\n\r\n")],
  ])("refuses %s", async (_, request) => {
    const error = { name: "HandshakeError", code: "MALFORMED_REQUEST" };
    expect(await refused(request)).toMatchObject({ error, status: "400" });
  });

  it("accepts bytes of another realm after the request", async () => {
    const conn = new ScriptedStream([], "end");
    const head = runInNewContext("Uint8Array.of(1, 2, 3)") as Uint8Array;
    const stream = await new HttpUpgrader().upgrade(parsed(), conn, head);
    expect([...(await readAll(stream))]).toEqual([1, 2, 3]);
  });

  it.each<[what: string, request: unknown, head: unknown, message: string]>([
    ["no request", undefined, undefined, "request must be one of node:http"],
    ["null for a request", null, undefined, "request must be one of node:http"],
    ["a request of fetch", new Request("http://a"), undefined, "request must be one of node:http"],
    ["a URL that is none", { ...parsed(), url: new URL("http://a") }, undefined, "as strings"],
    [
      "no rawHeaders",
      { ...parsed(), rawHeaders: undefined },
      undefined,
      "names and values in turn",
    ],
    ["headers by name", { ...parsed(), rawHeaders: { host: "a" } }, undefined, ": Object"],
    ["headers in pairs", { ...parsed(), rawHeaders: [["Host", "a"]] }, undefined, "in turn"],
    ["null for a head", parsed(), null, "head must be a Uint8Array, or left out: Null"],
    ["a string for a head", parsed(), "head", "head must be a Uint8Array, or left out: String"],
  ])("rejects, and throws nothing, if it is given %s", async (_, request, head, message) => {
    for (const upgrader of [new HttpUpgrader(), { upgrade: upgradeHttp }]) {
      const conn = new ScriptedStream();
      const promise = upgrader.upgrade(request as ParsedRequest, conn, head as Uint8Array);
      const { error } = await settled(promise);
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain(message);
      expect([conn.text, conn.closes]).toEqual(["", 1]);
    }
  });

  it.each<[what: string, stream: unknown, kind: string]>([
    ["no stream", undefined, "Undefined"],
    ["null for a stream", null, "Null"],
    ["a socket for a stream", { write() {}, end() {} }, "Object"],
    ["an object of no class", Object.create(null), "Object"],
  ])("rejects, and throws nothing, if it is given %s", async (_, stream, kind) => {
    const { error } = await settled(upgradeHttp(parsed(), stream as ScriptedStream));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(`stream must have read, write and close: ${kind}.`);
  });

  it("ignores a name without a value at the end", async () => {
    const stream = await upgradeHttp(parsed({}, "odd"), new ScriptedStream());
    expect(stream.protocol).toBe("");
  });
});

describe("the peer of an HttpUpgrader", () => {
  it("is the client behind proxies that are trusted", async () => {
    const peers = new PeerFinder({ trustProxy: ["10.0.0.1"] });
    const conn = Object.assign(new ScriptedStream(), { remoteAddress: "10.0.0.1" });
    const request = parsed({}, "Forwarded", "for=203.0.113.7;host=b.example");
    const { peer } = await new HttpUpgrader({ peers }).upgrade(request, conn);
    expect(peer).toMatchObject({ address: "203.0.113.7", host: "b.example" });
  });
});
