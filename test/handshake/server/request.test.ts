import { describe, expect, it } from "vitest";
import { type HandshakeCode, HandshakeError } from "../../../src/errors.ts";
import {
  checkRequest,
  checkUpgrade,
  isUpgrade,
  offeredExtensions,
  offeredProtocols,
} from "../../../src/handshake/server/request.ts";
import type { Head } from "../../../src/http/head.ts";
import { HeadParser } from "../../../src/http/parser.ts";

/** The headers of a plain handshake; a change of undefined leaves a header out, of a list repeats it. */
const handshake: Readonly<Record<string, string>> = {
  Host: "localhost",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

type Changes = Readonly<Record<string, string | readonly string[] | undefined>>;

function head(changes: Changes = {}, line = "GET / HTTP/1.1"): Head {
  const headers = Object.entries({ ...handshake, ...changes }).flatMap(([name, value]) =>
    [value ?? []].flat().map((text) => `${name}: ${text}\r\n`),
  );
  const text = `${line}\r\n${headers.join("")}\r\n`;
  const parser = new HeadParser("request");
  parser.feed(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  expect(parser.isComplete).toBe(true);
  return parser.head;
}

/** A head whose first header is `line`. */
function headBehind(line: string): Head {
  const [name, value] = line.split(": ") as [string, string];
  const parser = new HeadParser("request");
  const rest = Object.entries(handshake).filter(([other]) => other !== name);
  const headers = [[name, value], ...rest].map((pair) => `${pair.join(": ")}\r\n`);
  parser.feed(Uint8Array.from(Buffer.from(`GET / HTTP/1.1\r\n${headers.join("")}\r\n`)));
  return parser.head;
}

function errorOf(act: () => unknown): HandshakeError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof HandshakeError) return error;
    throw error;
  }
}

describe("checkRequest()", () => {
  it.each<[what: string, changes: Changes, line?: string]>([
    ["a plain handshake", {}],
    ["a request without an upgrade", { Upgrade: undefined, Connection: undefined }],
    ["HTTP/1.2", {}, "GET / HTTP/1.2"],
    ["an absolute target", {}, "GET http://localhost/ HTTP/1.1"],
    ["a body of nothing", { "Content-Length": "0" }],
    ["a body of nothing, twice", { "Content-Length": ["0", "0"] }],
  ])("accepts %s", (_, changes, line) => {
    expect(errorOf(() => checkRequest(head(changes, line)))).toBeUndefined();
  });

  it.each<[what: string, changes: Changes, line: string, code: HandshakeCode, status: number]>([
    ["HTTP/1.0", {}, "GET / HTTP/1.0", "BAD_PROTOCOL", 505],
    ["HTTP/2.0", {}, "GET / HTTP/2.0", "BAD_PROTOCOL", 505],
    ["HTTP/0.9", {}, "GET / HTTP/0.9", "BAD_PROTOCOL", 505],
    ["POST", {}, "POST / HTTP/1.1", "BAD_METHOD", 405],
    ["get in lower case", {}, "get / HTTP/1.1", "BAD_METHOD", 405],
    ["a target that is no path", {}, "GET * HTTP/1.1", "MALFORMED_REQUEST", 400],
    ["no Host", { Host: undefined }, "GET / HTTP/1.1", "BAD_HOST", 400],
    ["Host twice", { Host: ["a", "a"] }, "GET / HTTP/1.1", "BAD_HOST", 400],
    ["an empty Host", { Host: "" }, "GET / HTTP/1.1", "BAD_HOST", 400],
    ["a target for another host", {}, "GET http://b/ HTTP/1.1", "BAD_HOST", 400],
    ["a body", { "Content-Length": "1" }, "GET / HTTP/1.1", "BAD_BODY", 400],
    ["no body, then one", { "Content-Length": ["0", "1"] }, "GET / HTTP/1.1", "BAD_BODY", 400],
    ["a length that is no number", { "Content-Length": "" }, "GET / HTTP/1.1", "BAD_BODY", 400],
    ["a chunked body", { "Transfer-Encoding": "chunked" }, "GET / HTTP/1.1", "BAD_BODY", 400],
    ["an empty coding", { "Transfer-Encoding": "" }, "GET / HTTP/1.1", "BAD_BODY", 400],
  ])("refuses %s: %o %s → %s %i", (_, changes, line, code, status) => {
    expect(errorOf(() => checkRequest(head(changes, line)))).toMatchObject({ code, status });
  });

  it("says which method it allows", () => {
    const error = errorOf(() => checkRequest(head({}, "POST / HTTP/1.1")));
    expect(error?.headers).toEqual([["Allow", "GET"]]);
  });

  it("checks the version first, and the body last", () => {
    const changes: Changes = { Host: undefined, "Content-Length": "1" };
    const codes = ["POST * HTTP/1.0", "POST * HTTP/1.1", "GET * HTTP/1.1", "GET / HTTP/1.1"].map(
      (line) => errorOf(() => checkRequest(head(changes, line)))?.code,
    );
    expect(codes).toEqual(["BAD_PROTOCOL", "BAD_METHOD", "MALFORMED_REQUEST", "BAD_HOST"]);
  });
});

describe("checkUpgrade()", () => {
  it.each<[what: string, changes: Changes]>([
    ["a plain handshake", {}],
    ["other cases", { Upgrade: "WebSocket", Connection: "UPGRADE" }],
    ["lists", { Upgrade: "h2c, websocket", Connection: "keep-alive, Upgrade" }],
    ["lists of several lines", { Upgrade: ["h2c", "websocket"], Connection: ["a", "Upgrade"] }],
    ["names in lower case", { "Sec-WebSocket-Version": undefined, "sec-websocket-version": "13" }],
    ["bits that belong to no byte", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZR==" }],
  ])("accepts %s", (_, changes) => {
    expect(errorOf(() => checkUpgrade(head(changes)))).toBeUndefined();
  });

  it.each<[what: string, changes: Changes, code: HandshakeCode, status: number]>([
    ["no Upgrade", { Upgrade: undefined }, "BAD_UPGRADE", 426],
    ["another upgrade", { Upgrade: "h2c" }, "BAD_UPGRADE", 400],
    ["an empty upgrade", { Upgrade: "" }, "BAD_UPGRADE", 400],
    ["a version of the name", { Upgrade: "websocket/13" }, "BAD_UPGRADE", 400],
    ["no Connection", { Connection: undefined }, "BAD_CONNECTION", 400],
    ["another connection", { Connection: "keep-alive" }, "BAD_CONNECTION", 400],
    ["no version", { "Sec-WebSocket-Version": undefined }, "BAD_SEC_VERSION", 400],
    ["version 13 twice", { "Sec-WebSocket-Version": ["13", "13"] }, "BAD_SEC_VERSION", 400],
    ["version 8", { "Sec-WebSocket-Version": "8" }, "UPGRADE_REQUIRED", 426],
    ["version 013", { "Sec-WebSocket-Version": "013" }, "UPGRADE_REQUIRED", 426],
    ["versions 13, 8", { "Sec-WebSocket-Version": "13, 8" }, "UPGRADE_REQUIRED", 426],
    ["no key", { "Sec-WebSocket-Key": undefined }, "BAD_SEC_KEY", 400],
    ["an empty key", { "Sec-WebSocket-Key": "" }, "BAD_SEC_KEY", 400],
    ["a key of 15 bytes", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j" }, "BAD_SEC_KEY", 400],
    [
      "a key twice",
      { "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="] },
      "BAD_SEC_KEY",
      400,
    ],
  ])("refuses %s: %o → %s %i", (_, changes, code, status) => {
    expect(errorOf(() => checkUpgrade(head(changes)))).toMatchObject({ code, status });
  });

  it("names the protocol if an upgrade is missing", () => {
    const error = errorOf(() => checkUpgrade(head({ Upgrade: undefined })));
    expect(error?.headers).toEqual([["Upgrade", "websocket"]]);
  });

  it("names its version if another is asked for", () => {
    const error = errorOf(() => checkUpgrade(head({ "Sec-WebSocket-Version": "8" })));
    expect(error?.headers).toEqual([
      ["Upgrade", "websocket"],
      ["Sec-WebSocket-Version", "13"],
    ]);
  });

  it("checks Upgrade, Connection, version and key in this order", () => {
    const wrong = {
      Upgrade: "h2c",
      Connection: "close",
      "Sec-WebSocket-Version": "8",
      "Sec-WebSocket-Key": "",
    };
    const codes: unknown[] = [];
    const names = Object.keys(wrong) as (keyof typeof wrong)[];
    names.forEach((_, index) => {
      const rest = names.slice(index).map((name) => [name, wrong[name]]);
      const changes = Object.fromEntries(rest) as Changes;
      codes.push(errorOf(() => checkUpgrade(head(changes)))?.code);
    });
    expect(codes).toEqual(["BAD_UPGRADE", "BAD_CONNECTION", "UPGRADE_REQUIRED", "BAD_SEC_KEY"]);
  });
});

describe("checkUpgrade() of subprotocols", () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `p${i}`);

  it.each<[offered: string | readonly string[] | undefined]>([
    [undefined],
    ["chat"],
    [["chat", "", "Chat"]],
    [names(8).join(",")],
    [names(9).join(",")],
    [names(300).join(",")],
    [names(20)],
  ])("accepts %j", (offered) => {
    const checked = head({ "Sec-WebSocket-Protocol": offered });
    expect(errorOf(() => checkUpgrade(checked))).toBeUndefined();
  });

  it.each<[offered: string | readonly string[]]>([
    [""],
    [["", ""]],
    [" , ,"],
    ["chat, chat"],
    ["a, b, a"],
    ["a, b, b"],
    [["chat", "superchat, chat"]],
    [[...names(7), "p0"]],
    [[...names(8), "p0"]],
    [`${names(300).join(",")}, p299`],
    ["a b"],
    [["chat", "a/b"]],
    [[...names(9), "caf\u00E9"]],
  ])("refuses %j", (offered) => {
    const error = errorOf(() => checkUpgrade(head({ "Sec-WebSocket-Protocol": offered })));
    expect(error).toMatchObject({ code: "BAD_SUBPROTOCOL", status: 400 });
  });
});

describe("a header in front of all others", () => {
  it.each<[line: string, code: HandshakeCode | undefined]>([
    ["Upgrade: websocket", undefined],
    ["Connection: Upgrade", undefined],
    ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", undefined],
    ["Sec-WebSocket-Version: 13", undefined],
    ["Transfer-Encoding: chunked", "BAD_BODY"],
    ["Content-Length: 1", "BAD_BODY"],
    ["Sec-WebSocket-Protocol: a/b", "BAD_SUBPROTOCOL"],
  ])("is found: %s", (line, code) => {
    const checked = headBehind(line);
    const error = errorOf(() => {
      checkRequest(checked);
      checkUpgrade(checked);
    });
    expect(error?.code).toBe(code);
  });

  it("is found if it has offers", () => {
    expect(offeredProtocols(headBehind("Sec-WebSocket-Protocol: a"))).toEqual(["a"]);
    const offers = offeredExtensions(headBehind("Sec-WebSocket-Extensions: e"));
    expect(offers).toEqual([{ name: "e", parameters: [] }]);
  });
});

describe("isUpgrade()", () => {
  it("says whether an Upgrade header came, whatever its value", () => {
    expect(isUpgrade(head())).toBe(true);
    expect(isUpgrade(head({ Upgrade: "h2c" }))).toBe(true);
    expect(isUpgrade(head({ Upgrade: undefined }))).toBe(false);
  });
});

describe("offeredProtocols()", () => {
  it.each<[offered: string | readonly string[] | undefined, tokens: string[]]>([
    [undefined, []],
    [["", "chat", ""], ["chat"]],
    ["chat", ["chat"]],
    ["chat, superchat", ["chat", "superchat"]],
    [
      ["chat,superchat", "v2.chat"],
      ["chat", "superchat", "v2.chat"],
    ],
    ["chat, Chat", ["chat", "Chat"]],
  ])("gives the tokens of %j", (offered, tokens) => {
    expect(offeredProtocols(head({ "Sec-WebSocket-Protocol": offered }))).toEqual(tokens);
  });

  it.each<[offered: string | readonly string[]]>([
    [""],
    [[" ", ","]],
    ["chat, chat"],
    [["chat", "superchat, chat"]],
    ["a b"],
    ["chat, a/b"],
    ["caf\u00E9"],
  ])("refuses %j", (offered) => {
    const error = errorOf(() => offeredProtocols(head({ "Sec-WebSocket-Protocol": offered })));
    expect(error).toMatchObject({ code: "BAD_SUBPROTOCOL", status: 400 });
  });
});

describe("offeredExtensions()", () => {
  it.each<[offered: string | readonly string[] | undefined, names: string[]]>([
    [undefined, []],
    ["a; x=1, b", ["a", "b"]],
    [
      ["a", "", "b, a; y"],
      ["a", "b", "a"],
    ],
  ])("gives the offers of %j over all lines, in their order", (offered, names) => {
    const offers = offeredExtensions(head({ "Sec-WebSocket-Extensions": offered }));
    expect(offers.map(({ name }) => name)).toEqual(names);
  });

  it.each<[offered: string | readonly string[]]>([
    [""],
    [","],
    ["a;"],
    [["a", "b=1"]],
    ['a; x="1'],
  ])("refuses %j", (offered) => {
    const error = errorOf(() => offeredExtensions(head({ "Sec-WebSocket-Extensions": offered })));
    expect(error).toMatchObject({ code: "MALFORMED_REQUEST", status: 400 });
  });
});
