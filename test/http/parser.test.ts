import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { HandshakeError, LimitError } from "../../src/errors.ts";
import {
  defaultHeadLimits,
  type HeadKind,
  type HeadLimits,
  HeadParser,
} from "../../src/http/parser.ts";
import { cutAt, cuts } from "../support/cuts.ts";
import { expectRangesChecked } from "../support/ranges.ts";

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** What a head says, or how it was refused: the same lines for the same bytes, however they are cut. */
function resultOf(
  pieces: readonly Uint8Array[],
  kind: HeadKind = "request",
  limits?: HeadLimits,
): string[] {
  const parser = new HeadParser(kind, limits);
  let taken = 0;
  try {
    for (const piece of pieces) {
      const end = parser.feed(piece);
      taken += end;
      // What was fed belongs to somebody else again, but for the chunk that completed the head.
      if (!parser.isComplete) piece.fill(0xdb);
    }
  } catch (error) {
    if (error instanceof HandshakeError) return [error.code, error.message];
    if (error instanceof LimitError) return [error.code, `${error.status} ${error.limit}`];
    throw error;
  }
  if (!parser.isComplete) return [`${taken} bytes of a head`];
  const { head } = parser;
  const version = `${head.major}.${head.minor}`;
  const start = kind === "request" ? [head.method, head.target] : [head.status, head.reason];
  const headers = Array.from(head.entries(), ([name, value]) => `${name}=${value}`);
  return [`${start.join(" ")} ${version}`, ...headers, `${taken} bytes, head of ${head.size}`];
}

function expectAtAllCuts(
  text: string,
  lines: readonly string[],
  kind: HeadKind = "request",
  limits?: HeadLimits,
): void {
  for (const pieces of cuts(ascii(text))) {
    const cut = pieces.map((piece) => piece.length).join(" + ");
    expect(resultOf(pieces, kind, limits), cut).toEqual(lines);
  }
}

const example =
  "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n" +
  "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";

describe("HeadParser of requests", () => {
  it("parses the example of RFC 6455, 1.2 at all cuts, and leaves what follows", () => {
    const lines = [
      "GET /chat 1.1",
      "Host=server.example.com",
      "Upgrade=websocket",
      "Connection=Upgrade",
      "Sec-WebSocket-Key=dGhlIHNhbXBsZSBub25jZQ==",
      "Origin=http://example.com",
      "Sec-WebSocket-Protocol=chat, superchat",
      "Sec-WebSocket-Version=13",
      `${example.length} bytes, head of ${example.length}`,
    ];
    expectAtAllCuts(example, lines);
    expectAtAllCuts(`${example}\x81\x05Hello\r\n\r\n`, lines);
  });

  it.each<[what: string, text: string, lines: string[]]>([
    ["no header", "GET / HTTP/1.1\r\n\r\n", ["GET / 1.1"]],
    ["an empty line in front", "\r\nGET / HTTP/1.1\r\n\r\n", ["GET / 1.1"]],
    ["another version", "GET / HTTP/2.0\r\n\r\n", ["GET / 2.0"]],
    ["a method of its own", "M-SEARCH * HTTP/1.1\r\n\r\n", ["M-SEARCH * 1.1"]],
    ["an empty value", "GET / HTTP/1.1\r\nA:\r\n\r\n", ["GET / 1.1", "A="]],
    ["a value of blanks", "GET / HTTP/1.1\r\nA: \t \r\n\r\n", ["GET / 1.1", "A="]],
    [
      "blanks around a value",
      "GET / HTTP/1.1\r\nA:\t b \t c \t\r\n\r\n",
      ["GET / 1.1", "A=b \t c"],
    ],
    ["no blank before a value", "GET / HTTP/1.1\r\nA:b\r\n\r\n", ["GET / 1.1", "A=b"]],
    ["Latin-1 in a value", "GET / HTTP/1.1\r\nA: \xe9\xff\r\n\r\n", ["GET / 1.1", "A=\xe9\xff"]],
    ["a colon in a value", "GET / HTTP/1.1\r\nA: :b:\r\n\r\n", ["GET / 1.1", "A=:b:"]],
  ])("parses at all cuts: %s", (_, text, lines) => {
    expectAtAllCuts(text, [...lines, `${text.length} bytes, head of ${text.length}`]);
  });

  it.each<[what: string, text: string, problem: string]>([
    ["nothing but an end of line, twice", "\r\n\r\n", "no method at byte 2"],
    ["CR without LF in front", "\rGET", "CR without LF at byte 1"],
    ["LF in front", "\nGET", "no method at byte 0"],
    ["a blank in front", " GET", "no method at byte 0"],
    ["a method that is no token", "G(T / HTTP/1.1\r\n", "no method at byte 1"],
    ["no target", "GET  HTTP/1.1\r\n", "bad request target at byte 4"],
    ["no version", "GET /\r\n", "bad request target at byte 5"],
    ["a fragment", "GET /#a HTTP/1.1\r\n", "bad request target at byte 5"],
    ["a target that is not ASCII", "GET /\xe9 HTTP/1.1\r\n", "bad request target at byte 5"],
    ["another protocol", "GET / HTTQ/1.1\r\n", "bad version at byte 9"],
    ["lower case", "GET / http/1.1\r\n", "bad version at byte 6"],
    ["a version without a digit", "GET / HTTP/x.1\r\n", "bad version at byte 11"],
    ["a version below the digits", "GET / HTTP//.1\r\n", "bad version at byte 11"],
    ["a comma in the version", "GET / HTTP/1,1\r\n", "bad version at byte 12"],
    ["a version above the digits", "GET / HTTP/1.:\r\n", "bad version at byte 13"],
    ["two digits", "GET / HTTP/1.10\r\n", "bad version at byte 14"],
    ["a blank behind the version", "GET / HTTP/1.1 \r\n", "bad version at byte 14"],
    ["LF alone behind the version", "GET / HTTP/1.1\nA: b\r\n", "bad version at byte 14"],
    ["CR alone behind the version", "GET / HTTP/1.1\rA: b\r\n", "CR without LF at byte 15"],
    ["no name", "GET / HTTP/1.1\r\n: b\r\n", "bad header name at byte 16"],
    ["no colon", "GET / HTTP/1.1\r\nA\r\n", "bad header name at byte 17"],
    ["a blank before the colon", "GET / HTTP/1.1\r\nA : b\r\n", "bad header name at byte 17"],
    ["a name that is no token", "GET / HTTP/1.1\r\nA(: b\r\n", "bad header name at byte 17"],
    ["a folded line", "GET / HTTP/1.1\r\nA: b\r\n c\r\n", "bad header name at byte 22"],
    ["LF alone behind a value", "GET / HTTP/1.1\r\nA: b\nC: d\r\n", "bad header value at byte 20"],
    ["CR alone behind a value", "GET / HTTP/1.1\r\nA: b\rC: d\r\n", "CR without LF at byte 21"],
    ["NUL in a value", "GET / HTTP/1.1\r\nA: \0\r\n", "bad header value at byte 19"],
    ["DEL in a value", "GET / HTTP/1.1\r\nA: b\x7f\r\n", "bad header value at byte 20"],
    ["CR alone at the end", "GET / HTTP/1.1\r\n\rX", "CR without LF at byte 17"],
    ["LF alone at the end", "GET / HTTP/1.1\r\n\n", "bad header name at byte 16"],
  ])("refuses at all cuts: %s", (_, text, problem) => {
    expectAtAllCuts(text, ["MALFORMED_REQUEST", `Malformed HTTP request: ${problem}`]);
  });
});

describe("HeadParser of responses", () => {
  it.each<[what: string, text: string, lines: string[]]>([
    ["a reason", "HTTP/1.1 101 Switching Protocols\r\n\r\n", ["101 Switching Protocols 1.1"]],
    ["an empty reason", "HTTP/1.1 200 \r\n\r\n", ["200  1.1"]],
    ["no blank before an empty reason", "HTTP/1.1 200\r\n\r\n", ["200  1.1"]],
    ["headers", "HTTP/1.0 599 \xe9\r\nA: b\r\nC: d\r\n\r\n", ["599 \xe9 1.0", "A=b", "C=d"]],
  ])("parses at all cuts: %s", (_, text, lines) => {
    const end = `${text.length} bytes, head of ${text.length}`;
    expectAtAllCuts(text, [...lines, end], "response");
    expectAtAllCuts(`${text}behind`, [...lines, end], "response");
  });

  it.each<[what: string, text: string, problem: string]>([
    ["an empty line in front", "\r\nHTTP/1.1 200 OK\r\n\r\n", "bad version at byte 0"],
    ["no blank behind the version", "HTTP/1.1\r\n", "bad version at byte 8"],
    ["two digits", "HTTP/1.1 20 OK\r\n", "bad status at byte 11"],
    ["four digits", "HTTP/1.1 2000 OK\r\n", "bad status at byte 12"],
    ["below 100", "HTTP/1.1 099 OK\r\n", "bad status at byte 12"],
    ["no digits", "HTTP/1.1 OK\r\n", "bad status at byte 9"],
    ["NUL in the reason", "HTTP/1.1 200 O\0\r\n", "bad reason at byte 14"],
    ["LF alone", "HTTP/1.1 200 OK\n\n", "bad reason at byte 15"],
    ["CR alone", "HTTP/1.1 200 OK\rA: b\r\n", "CR without LF at byte 16"],
  ])("refuses at all cuts: %s", (_, text, problem) => {
    const lines = ["MALFORMED_RESPONSE", `Malformed HTTP response: ${problem}`];
    expectAtAllCuts(text, lines, "response");
  });
});

const tight: HeadLimits = { maxHeadSize: 60, maxTargetSize: 10, maxHeaders: 2 };

describe("HeadParser's limits", () => {
  it("are 16 KiB, 8 KiB and 128 headers by default", () => {
    expect(defaultHeadLimits).toEqual({
      maxHeadSize: 16384,
      maxTargetSize: 8192,
      maxHeaders: 128,
    });
    expect(resultOf([ascii(`GET /${"a".repeat(8191)} HTTP/1.1\r\n\r\n`)])[0]).toMatch(/^GET/);
    expect(resultOf([ascii(`GET /${"a".repeat(8192)} HTTP/1.1\r\n\r\n`)])).toEqual([
      "TARGET_TOO_LONG",
      "414 8192",
    ]);
  });

  it("allow a head of exactly maxHeadSize, whatever follows it, at all cuts", () => {
    const text = `GET / HTTP/1.1\r\nA: ${"b".repeat(37)}\r\n\r\n`;
    expect(text.length).toBe(60);
    const lines = ["GET / 1.1", `A=${"b".repeat(37)}`, "60 bytes, head of 60"];
    expectAtAllCuts(text, lines, "request", tight);
    expectAtAllCuts(`${text}behind`, lines, "request", tight);
  });

  it("refuse a head of one byte more, at all cuts", () => {
    const text = `GET / HTTP/1.1\r\nA: ${"b".repeat(38)}\r\n\r\n`;
    expectAtAllCuts(text, ["HEAD_TOO_LARGE", "431 60"], "request", tight);
  });

  it("refuse a head too large only when a byte more than maxHeadSize has come", () => {
    const parser = new HeadParser("request", tight);
    parser.feed(ascii(`GET / HTTP/1.1\r\nA: ${"b".repeat(41)}`));
    expect(() => parser.feed(ascii("b"))).toThrow(
      expect.objectContaining({ code: "HEAD_TOO_LARGE", limit: 60, actual: 61 }),
    );
  });

  it("allow a target of exactly maxTargetSize, at all cuts", () => {
    const text = "GET /123456789 HTTP/1.1\r\n\r\n";
    const lines = ["GET /123456789 1.1", "27 bytes, head of 27"];
    expectAtAllCuts(text, lines, "request", tight);
  });

  it("refuse a target of one byte more, as soon as that has come", () => {
    const text = "GET /1234567890";
    expectAtAllCuts(text, ["TARGET_TOO_LONG", "414 10"], "request", tight);
    expectAtAllCuts(`${text}12 HTTP/1.1\r\n\r\n`, ["TARGET_TOO_LONG", "414 10"], "request", tight);
    const act = (): unknown => new HeadParser("request", tight).feed(ascii(`${text}1234`));
    expect(act).toThrow(expect.objectContaining({ limit: 10, actual: 11 }));
  });

  it("allow maxHeaders headers, at all cuts", () => {
    const text = "GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
    const lines = ["GET / 1.1", "A=b", "C=d", "30 bytes, head of 30"];
    expectAtAllCuts(text, lines, "request", tight);
  });

  it("refuse one header more, at all cuts", () => {
    const text = "GET / HTTP/1.1\r\nA: b\r\nC: d\r\nE: f\r\n\r\n";
    expectAtAllCuts(text, ["TOO_MANY_HEADERS", "431 2"], "request", tight);
    const act = (): unknown => new HeadParser("request", tight).feed(ascii(text));
    expect(act).toThrow(expect.objectContaining({ limit: 2, actual: 3 }));
  });

  it("may be Infinity", () => {
    const limits = { maxHeadSize: Infinity, maxTargetSize: Infinity, maxHeaders: Infinity };
    const text = `GET /${"a".repeat(20_000)} HTTP/1.1\r\n${"A: b\r\n".repeat(200)}\r\n`;
    expect(resultOf([ascii(text)], "request", limits)).toHaveLength(202);
  });
});

describe("a HeadParser of plain JavaScript", () => {
  it.each(["Request", "", undefined, 0])("is refused if its kind is %j", (kind) => {
    expect(() => new HeadParser(kind as never)).toThrow(
      new RangeError(`kind must be "request" or "response": ${kind}`),
    );
  });

  it.each(["maxHeadSize", "maxTargetSize", "maxHeaders"] as const)(
    "is refused if %s is no limit",
    (name) => {
      const parser = (limit: unknown) =>
        new HeadParser("request", { ...defaultHeadLimits, [name]: limit });
      expect(() => parser(NaN)).toThrow(RangeError);
      expect(() => parser(-1)).toThrow(RangeError);
      expect(() => parser(null)).toThrow(TypeError);
      expect(() => parser("100")).toThrow(TypeError);
    },
  );
});

describe("HeadParser, without a limit,", () => {
  it.each([0, Infinity])("accepts a head of any size if each limit is %d", (none) => {
    const limits = { maxHeadSize: none, maxTargetSize: none, maxHeaders: none };
    const parser = new HeadParser("request", limits);
    const headers = Array.from({ length: 1000 }, (_, i) => `a${i}: ${"b".repeat(30)}\r\n`).join("");
    parser.feed(ascii(`GET /${"x".repeat(20_000)} HTTP/1.1\r\n${headers}\r\n`));
    expect(parser.isComplete).toBe(true);
    expect(parser.head.target.length).toBe(20_001);
  });

  it("has the default of each limit that is not given", () => {
    const parser = new HeadParser("request", { maxHeadSize: 0, maxHeaders: undefined as never });
    const headers = Array.from({ length: 129 }, (_, i) => `a${i}: b\r\n`).join("");
    expect(() => parser.feed(ascii(`GET / HTTP/1.1\r\n${headers}\r\n`))).toThrow("maxHeaders");
  });
});

describe("HeadParser.feed()", () => {
  it("refuses a range outside its bytes, and goes on where it was", () => {
    const parser = new HeadParser("request");
    parser.feed(ascii("GET / HT"));
    expectRangesChecked((bytes, start, end) => parser.feed(bytes, start, end));
    parser.feed(ascii("TP/1.1\r\n\r\n"));
    expect(parser.isComplete).toBe(true);
  });

  it("reads a range, and nothing outside it", () => {
    const bytes = ascii(`\r\n\r\n${example}GET`);
    const parser = new HeadParser("request");
    expect(parser.feed(bytes, 4, 60)).toBe(60);
    expect(parser.isComplete).toBe(false);
    expect(parser.feed(bytes, 60, bytes.length)).toBe(bytes.length - 3);
    expect(parser.isComplete).toBe(true);
    expect(parser.head.size).toBe(example.length);
  });

  it("reads nothing after its range, wherever that ends", () => {
    const bytes = ascii("GET / HTTP/1.1\r\nA:   b  \r\nC:   \r\n\r\n");
    for (let cut = 0; cut < bytes.length; cut++) {
      const parser = new HeadParser("request");
      expect(parser.feed(bytes, 0, cut)).toBe(cut);
      expect(parser.feed(bytes, cut)).toBe(bytes.length);
      expect([...parser.head.entries()]).toEqual([
        ["A", "b"],
        ["C", ""],
      ]);
    }
  });

  it("gives an empty value no bytes, whatever blanks there are", () => {
    const parser = new HeadParser("request");
    parser.feed(ascii("GET / HTTP/1.1\r\nA:\r\nB:  \r\n\r\n"));
    const { head } = parser;
    expect([0, 1].map((index) => head.valueEnd(index) - head.valueStart(index))).toEqual([0, 0]);
  });

  it("reads nothing when the head is complete", () => {
    const parser = new HeadParser("request");
    parser.feed(ascii(example));
    expect(parser.feed(ascii("more"), 1)).toBe(1);
    expect(parser.head.target).toBe("/chat");
  });

  it("accepts empty chunks", () => {
    const empty = new Uint8Array(0);
    const lines = resultOf([
      empty,
      ascii(example.slice(0, 9)),
      empty,
      ascii(example.slice(9)),
      empty,
    ]);
    expect(lines.at(-1)).toBe(`${example.length} bytes, head of ${example.length}`);
  });

  it("reads a head in place if it comes whole", () => {
    const chunk = concat([ascii("...."), ascii(example)]);
    const parser = new HeadParser("request");
    parser.feed(chunk, 4);
    expect(parser.head.bytes).toBe(chunk);
  });

  it("copies a head if it comes in pieces", () => {
    const first = ascii(example.slice(0, 30));
    const second = ascii(example.slice(30));
    const parser = new HeadParser("request");
    parser.feed(first);
    parser.feed(second);
    second.fill(0);
    expect(parser.head.get("sec-websocket-version")).toBe("13");
  });

  it("parses a long head in many pieces", () => {
    const text = `GET / HTTP/1.1\r\n${"Name: value\r\n".repeat(120)}\r\n`;
    const bytes = ascii(text);
    const every = [7, 100, 511, 512, 513].map((step) =>
      cutAt(
        bytes,
        Array.from({ length: Math.floor(bytes.length / step) }, (_, index) => (index + 1) * step),
      ),
    );
    for (const pieces of every) expect(resultOf(pieces)).toEqual(resultOf([bytes.slice()]));
  });

  it("copies to a buffer that never grows past the limit", () => {
    const limits = { ...defaultHeadLimits, maxHeadSize: 1000 };
    const parser = new HeadParser("request", limits);
    const bytes = ascii(`GET / HTTP/1.1\r\nA: ${"b".repeat(900)}\r\n\r\n`);
    for (const piece of cutAt(bytes, [600, 601])) parser.feed(piece);
    expect(parser.isComplete).toBe(true);
    expect(parser.head.bytes.length).toBeLessThanOrEqual(1000);
  });

  it("makes that buffer twice as long when it is full, and not before", () => {
    const parser = new HeadParser("request", { ...defaultHeadLimits, maxHeadSize: 1500 });
    const made: [count: number, size: number][] = [];
    let last: Uint8Array | undefined;
    ascii(`GET / HTTP/1.1\r\nA: ${"b".repeat(1400)}`).forEach((byte, index) => {
      parser.feed(Uint8Array.of(byte));
      const { bytes } = parser.head;
      if (bytes !== last) made.push([index + 1, bytes.length]);
      last = bytes;
    });
    expect(made).toEqual([
      [1, 512],
      [513, 1024],
      [1025, 1500],
    ]);
  });
});

describe("HeadParser.reset()", () => {
  it("begins another head, wherever it was, and leaves the one before as it is", () => {
    const parser = new HeadParser("request", { maxTargetSize: 4 });
    const one = ascii("GET /one HTTP/1.0\r\nA: b\r\n\r\n");
    parser.feed(one);
    const { head } = parser;
    parser.reset();
    expect([parser.isComplete, parser.isEmpty, parser.head.headerCount]).toEqual([false, true, 0]);
    parser.feed(ascii("PUT /cut HT"));
    parser.reset();
    for (const piece of ["P", "OST /two HTTP/1.1\r\n", "\r\n"]) parser.feed(ascii(piece));
    expect([parser.isComplete, parser.head.method, parser.head.target]).toEqual([
      true,
      "POST",
      "/two",
    ]);
    expect([head.target, head.get("a")]).toEqual(["/one", "b"]);
    parser.reset();
    expect(() => parser.feed(ascii("GET /three"))).toThrow(LimitError);
  });

  it("expects the same kind", () => {
    const parser = new HeadParser("response");
    parser.feed(ascii("HTTP/1.1 204 None\r\n\r\n"));
    parser.reset();
    parser.feed(ascii("HTTP/1.1 404 \r\n\r\n"));
    expect(parser.head.status).toBe(404);
  });
});

describe("HeadParser.isEmpty", () => {
  it("says whether nothing of the head has come", () => {
    const parser = new HeadParser("request");
    expect(parser.isEmpty).toBe(true);
    parser.feed(new Uint8Array(0));
    expect(parser.isEmpty).toBe(true);
    parser.feed(ascii("\r"));
    expect(parser.isEmpty).toBe(false);
  });
});
