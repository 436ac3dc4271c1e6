import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../../src/bytes.ts";
import type { DialCode, HeaderPairs } from "../../../src/errors.ts";
import {
  checkAnswer,
  checkOffer,
  type DialAnswer,
  newKey,
  type Offer,
  writeDialRequest,
} from "../../../src/handshake/client/dial-request.ts";
import type { Option } from "../../../src/http/option.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { exampleKey } from "../../support/peer.ts";
import { misspacedExtensions, spacedExtensions, textOf } from "../streams.ts";

const option = (name: string, ...parameters: [string, string?][]): Option => ({ name, parameters });

function offer(changes: Partial<Offer> = {}): Offer {
  return { protocols: [], extensions: [], header: [], ...changes };
}

describe("newKey()", () => {
  it("gives base64 of 16 bytes, another one each time", () => {
    const keys = Array.from({ length: 100 }, newKey);
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9+/]{21}[AQgw]==$/);
    expect(new Set(keys).size).toBe(100);
    expect(new Set(keys.map((key) => atob(key).length))).toEqual(new Set([16]));
  });
});

describe("checkOffer()", () => {
  it("accepts a valid offer", () => {
    const header: HeaderPairs = [
      ["Origin", "https://a.example"],
      ["Cookie", "a=\u00E9"],
      ["Cookie", ""],
    ];
    const extensions = [option("a", ["b", "c d"]), option("a")];
    expect(() => {
      checkOffer(offer({ protocols: ["chat", "Chat"], extensions, header }));
    }).not.toThrow();
  });

  it.each<[what: string, changes: Partial<Offer>]>([
    ["a subprotocol with a blank", { protocols: ["a b"] }],
    ["a subprotocol with a line", { protocols: ["a\r\nEvil: 1"] }],
    ["an empty subprotocol", { protocols: ["a", ""] }],
    ["a subprotocol twice", { protocols: ["a", "b", "a"] }],
    ["an extension that is no token", { extensions: [option("a b")] }],
    ["a parameter that is no token", { extensions: [option("a", ["b\r\n"])] }],
    ["a parameter's value with a line", { extensions: [option("a", ["b", "\r\nEvil: 1"])] }],
    ["a header's value with a line", { header: [["A", "b\r\nEvil: 1"]] }],
    ["a header's name with a colon", { header: [["A:", "b"]] }],
    ...[
      ...["Host", "UPGRADE", "connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"],
      ...["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"],
      ...["Content-Length", "Transfer-Encoding"],
    ].map((name): [string, Partial<Offer>] => [
      `the header ${name}`,
      {
        header: [
          ["A", "b"],
          [name, "1"],
        ],
      },
    ]),
  ])("refuses %s", (_, changes) => {
    expect(() => {
      checkOffer(offer(changes));
    }).toThrow(TypeError);
  });
});

describe("writeDialRequest()", () => {
  it("writes the handshake's own headers if nothing is offered", () => {
    const request = writeDialRequest("/", "a.example:81", exampleKey, offer());
    expect(textOf(request).split("\r\n")).toEqual([
      "GET / HTTP/1.1",
      "Host: a.example:81",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${exampleKey}`,
      "",
      "",
    ]);
  });

  it("writes subprotocols, extensions and other headers behind them", () => {
    const offered = offer({
      protocols: ["chat", "superchat"],
      extensions: [option("a", ["b"], ["c", "1"]), option("d")],
      header: [
        ["Origin", "https://a.example"],
        ["Cookie", "a=\u00E9"],
      ],
    });
    const request = textOf(writeDialRequest("/chat?x", "a.example", exampleKey, offered));
    expect(request.split("\r\n").slice(6)).toEqual([
      "Sec-WebSocket-Protocol: chat, superchat",
      "Sec-WebSocket-Extensions: a; b; c=1, d",
      "Origin: https://a.example",
      "Cookie: a=\u00E9",
      "",
      "",
    ]);
  });
});

const own = [
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/** The usual lines of an answer, but those with a name of `lines`, and `lines`. */
function answer(...lines: readonly string[]): string[] {
  const named = lines.map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
  const kept = own.filter((line) => !named.some((name) => line.toLowerCase().startsWith(name)));
  return [...kept, ...lines];
}

function check(lines: readonly string[], offered: Offer = offer()): DialAnswer {
  const parser = new HeadParser("response");
  parser.feed(encodeUtf8(["HTTP/1.1 101", ...lines, "", ""].join("\r\n")));
  return checkAnswer(parser.head, exampleKey, offered);
}

const offered = offer({ protocols: ["a", "b"], extensions: [option("x"), option("y", ["z"])] });

describe("checkAnswer()", () => {
  it.each<[what: string, lines: readonly string[]]>([
    ["the usual answer", own],
    ["other cases", answer("UPGRADE: WebSocket", "connection: UPGRADE")],
    ["a list of connection options", answer("Connection: keep-alive, Upgrade")],
    ["two Connection headers", answer("Connection: keep-alive", "Connection: Upgrade")],
    ["the usual answer the other way round", [...own].reverse()],
    ["Connection in front", ["Connection: Upgrade", own[0]!, own[2]!]],
    ["blanks around the proof", answer(`${own[2]!.replace(": ", ": \t")} \t`)],
  ])("accepts %s", (_, lines) => {
    expect(check(lines)).toEqual({ protocol: "", extensions: [] });
  });

  it("finds extensions before all other headers", () => {
    const { extensions } = check(["Sec-WebSocket-Extensions: x", ...own], offered);
    expect(extensions).toEqual([option("x")]);
  });

  it("gives what the server chose", () => {
    const lines = answer(
      "Sec-WebSocket-Protocol: b",
      "Sec-WebSocket-Extensions: y; z=1",
      "Sec-WebSocket-Extensions: x",
    );
    const extensions = [option("y", ["z", "1"]), option("x")];
    expect(check(lines, offered)).toEqual({ protocol: "b", extensions });
  });

  it.each<[lines: readonly string[], code: DialCode]>([
    [own.slice(1), "BAD_UPGRADE"],
    [answer("Upgrade: h2c"), "BAD_UPGRADE"],
    [answer("Upgrade: h2c, websocket"), "BAD_UPGRADE"],
    [answer("Upgrade: websocket", "Upgrade: websocket"), "BAD_UPGRADE"],
    [answer("Upgrade:"), "BAD_UPGRADE"],
    [own.filter((line) => !line.startsWith("Conn")), "BAD_CONNECTION"],
    [answer("Connection: close"), "BAD_CONNECTION"],
    [answer("Connection: xUpgradex"), "BAD_CONNECTION"],
    [own.slice(0, 2), "BAD_SEC_ACCEPT"],
    [answer("Sec-WebSocket-Accept:"), "BAD_SEC_ACCEPT"],
    [answer("Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO="), "BAD_SEC_ACCEPT"],
    [answer(`Sec-WebSocket-Accept: ${exampleKey}`), "BAD_SEC_ACCEPT"],
    [answer(own[2]!, own[2]!), "BAD_SEC_ACCEPT"],
    [answer("Sec-WebSocket-Protocol: c"), "BAD_SUBPROTOCOL"],
    [answer("Sec-WebSocket-Protocol: A"), "BAD_SUBPROTOCOL"],
    [answer("Sec-WebSocket-Protocol:"), "BAD_SUBPROTOCOL"],
    [answer("Sec-WebSocket-Protocol: a, b"), "BAD_SUBPROTOCOL"],
    [answer("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"), "BAD_SUBPROTOCOL"],
    [answer("Sec-WebSocket-Extensions: w"), "BAD_EXTENSIONS"],
    [answer("Sec-WebSocket-Extensions: x, w"), "BAD_EXTENSIONS"],
    [answer("Sec-WebSocket-Extensions: x, x"), "BAD_EXTENSIONS"],
    [answer("Sec-WebSocket-Extensions: x", "Sec-WebSocket-Extensions: x; a"), "BAD_EXTENSIONS"],
    [answer("Sec-WebSocket-Extensions: x;"), "BAD_EXTENSIONS"],
    [answer("Sec-WebSocket-Extensions: constructor"), "BAD_EXTENSIONS"],
  ])("refuses %j: %s", (lines, code) => {
    const act = (): unknown => check(lines, offered);
    expect(act).toThrow(expect.objectContaining({ name: "DialError", code, status: 101 }));
  });

  it.each(spacedExtensions)("accepts extensions with blanks around separators: %j", (value) => {
    const { extensions } = check([`Sec-WebSocket-Extensions: ${value}`, ...own], offered);
    expect(extensions).toEqual([option("x", ["y", "12"])]);
  });

  it.each(misspacedExtensions)("refuses extensions with blanks elsewhere: %j", (value) => {
    const lines = [`Sec-WebSocket-Extensions: ${value}`, ...own];
    expect(() => check(lines, offered)).toThrow(
      expect.objectContaining({ code: "BAD_EXTENSIONS" }),
    );
  });

  it("refuses a choice if nothing was offered", () => {
    const codes = ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: x"].map((line) => {
      try {
        return check(answer(line));
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    expect(codes).toEqual(["BAD_SUBPROTOCOL", "BAD_EXTENSIONS"]);
  });

  it("gives the headers of a refused answer", () => {
    const headers = [
      ["Upgrade", "h2c"],
      ["Connection", "Upgrade"],
    ];
    const act = (): unknown => check(["Upgrade: h2c", "Connection: Upgrade"]);
    expect(act).toThrow(expect.objectContaining({ headers }));
  });
});
