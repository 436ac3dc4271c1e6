import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import { HandshakeError } from "../../../src/errors.ts";
import { checkRequest } from "../../../src/handshake/server/request.ts";
import { abandon, UpgradeRequest } from "../../../src/handshake/server/upgrade-request.ts";
import type { TlsFacts, TransportFacts } from "../../../src/transport.ts";
import { HeadParser } from "../../../src/http/parser.ts";

function request(
  target = "/",
  headers: readonly string[] = [],
  facts?: Partial<TransportFacts>,
): UpgradeRequest {
  const lines = [`GET ${target} HTTP/1.1`, "Host: a.example:80", ...headers, "", ""];
  const parser = new HeadParser("request");
  parser.feed(encodeUtf8(lines.join("\r\n")));
  checkRequest(parser.head);
  return new UpgradeRequest(parser.head, facts);
}

describe("UpgradeRequest", () => {
  it.each([
    ["/", "/", "/"],
    ["/chat?room=1?2", "/chat?room=1?2", "/chat"],
    ["/a%20b", "/a%20b", "/a%20b"],
    ["/?", "/?", "/"],
    ["http://a.example:80/chat?room=1", "/chat?room=1", "/chat"],
    ["http://a.example:80", "/", "/"],
    ["ws://a.example:80?room=1", "/?room=1", "/"],
  ])("gives of %s the target %s and the path %s", (sent, target, path) => {
    const made = request(sent);
    expect([made.target, made.path]).toEqual([target, path]);
  });

  it.each([
    ["/chat", []],
    ["/chat?", []],
    [
      "/chat?room=a%20b&room=2?&x",
      [
        ["room", "a b"],
        ["room", "2?"],
        ["x", ""],
      ],
    ],
    ["http://a.example:80?room=1", [["room", "1"]]],
  ])("gives of %s the parameters %j", (sent, parameters) => {
    expect([...request(sent).query]).toEqual(parameters);
  });

  it("gives host, origin and address", () => {
    const made = request("/", ["Origin: https://b.example"], { remoteAddress: "192.0.2.1" });
    expect([made.host, made.origin, made.remoteAddress]).toEqual([
      "a.example:80",
      "https://b.example",
      "192.0.2.1",
    ]);
  });

  it("has no origin and no address if none is given", () => {
    const made = request();
    expect([made.origin, made.remoteAddress]).toEqual([undefined, undefined]);
  });

  it("asks for facts about its connection when it is asked itself", () => {
    const tls = { serverName: "a.example" } as TlsFacts;
    const facts = { remotePort: 4711, localAddress: "192.0.2.2", localPort: 443 };
    const open = { ...facts, encrypted: true, tls };
    expect(request("/", [], open)).toMatchObject(open);
    expect(request("/", [], facts)).toMatchObject({ ...facts, encrypted: false, tls: undefined });
    expect(request()).toMatchObject({ remotePort: undefined, localAddress: undefined });
  });

  it("remembers address and port of a peer that is gone", () => {
    const facts: { -readonly [Key in keyof TransportFacts]?: TransportFacts[Key] } = {
      remoteAddress: "192.0.2.1",
      remotePort: 4711,
    };
    const made = request("/", [], facts);
    facts.remoteAddress = facts.remotePort = undefined; // as a socket of Node's does
    expect([made.remoteAddress, made.remotePort]).toEqual(["192.0.2.1", 4711]);
  });

  it("gives the subprotocols offered, the same list each time", () => {
    const made = request("/", ["Sec-WebSocket-Protocol: b, a", "Sec-WebSocket-Protocol: c"]);
    expect(made.protocols).toEqual(["b", "a", "c"]);
    expect(made.protocols).toBe(made.protocols);
    expect(request().protocols).toEqual([]);
  });

  it("refuses bad subprotocols when they are asked for", () => {
    const made = request("/", ["Sec-WebSocket-Protocol: a, a"]);
    expect(() => made.protocols).toThrow(HandshakeError);
    expect(() => made.protocols).toThrow(expect.objectContaining({ code: "BAD_SUBPROTOCOL" }));
  });

  it("has a signal that never aborts outside a hook, the same each time", () => {
    const made = request();
    expect(made.signal.aborted).toBe(false);
    expect(made.signal).toBe(made.signal);
    expect(made.signal).toBeInstanceOf(AbortSignal);
  });

  it("gives headers, one by its name or all in their order", () => {
    const made = request("/", ["X-A: 1", "x-a: 2"]);
    expect([made.get("x-A"), made.get("x-b")]).toEqual(["1, 2", undefined]);
    expect([...made.headers()]).toEqual([
      ["Host", "a.example:80"],
      ["X-A", "1"],
      ["x-a", "2"],
    ]);
  });
});

describe("abandon()", () => {
  it("aborts the signal, even if it is read later, with the first reason", () => {
    const early = request();
    const { signal } = early;
    const late = request();
    const reason = new Error("gone");
    for (const made of [early, late]) {
      abandon(made, reason);
      abandon(made, new Error("again"));
    }
    expect(signal.reason).toBe(reason);
    expect(late.signal.reason).toBe(reason);
  });
});
