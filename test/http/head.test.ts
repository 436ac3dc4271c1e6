import { describe, expect, it } from "vitest";
import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import { Head } from "../../src/http/head.ts";
import { HeadParser } from "../../src/http/parser.ts";

const lines = [
  "GET /chat?room=1 HTTP/1.1",
  "Host: a.example",
  "X-List: one",
  "x-empty:",
  "X-LIST:\t two \t",
  "X-Latin: caf\u00E9",
];

/** A head at index 5 of its bytes. */
function parse(text: string): { head: Head; bytes: Uint8Array } {
  const bytes = Uint8Array.from(`.....${text}.....`, (character) => character.charCodeAt(0));
  const parser = new HeadParser("request");
  parser.feed(bytes, 5);
  return { head: parser.head, bytes };
}

function parseLines(): { head: Head; bytes: Uint8Array } {
  return parse(`${lines.join("\r\n")}\r\n\r\n`);
}

describe("Head", () => {
  it("reads the bytes in place", () => {
    const bytes = encodeUtf8("...GET");
    const head = new Head(bytes, 3);
    head.methodEnd = 3;
    expect(head.bytes).toBe(bytes);
    expect([head.method, head.isMethod("GET")]).toEqual(["GET", true]);
  });

  it("gives the parts of a request line", () => {
    const { head, bytes } = parseLines();
    expect([head.method, head.target, head.major, head.minor]).toEqual([
      "GET",
      "/chat?room=1",
      1,
      1,
    ]);
    expect([head.status, head.reason, head.headerCount]).toEqual([0, "", 5]);
    expect(head.size).toBe(bytes.length - 10);
    expect(bytes[head.targetByte]).toBe("/".charCodeAt(0));
  });

  it("gives the parts of a status line", () => {
    const parser = new HeadParser("response");
    parser.feed(encodeUtf8("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n"));
    const { head } = parser;
    expect([head.major, head.minor, head.status, head.reason]).toEqual([1, 0, 404, "Not Found"]);
    expect([...head.entries()]).toEqual([["A", "b"]]);
  });

  it("skips an empty line before the method", () => {
    const { head } = parse("\r\nGET / HTTP/1.1\r\n\r\n");
    expect([head.method, head.lineStart, head.size]).toEqual(["GET", 2, 20]);
  });
});

describe("Head.name() and Head.value()", () => {
  it("give headers as they were sent, without blanks around values", () => {
    const { head, bytes } = parseLines();
    const pairs = [0, 1, 2, 3, 4].map((index) => [head.name(index), head.value(index)]);
    expect(pairs).toEqual([
      ["Host", "a.example"],
      ["X-List", "one"],
      ["x-empty", ""],
      ["X-LIST", "two"],
      ["X-Latin", "caf\u00E9"],
    ]);
    expect(latin1(bytes, head.valueStart(3), head.valueEnd(3))).toBe("two");
    expect([...head.entries()]).toEqual(pairs);
  });
});

describe("Head.nameStart(), Head.valueStart() and their ends", () => {
  it("give the positions of headers and of the target", () => {
    const { head, bytes } = parseLines();
    const parts = [0, 2, 4].map((index) => [
      latin1(bytes, head.nameStart(index), head.nameEnd(index)),
      latin1(bytes, head.valueStart(index), head.valueEnd(index)),
    ]);
    expect(parts).toEqual([
      ["Host", "a.example"],
      ["x-empty", ""],
      ["X-Latin", "caf\u00E9"],
    ]);
    expect(latin1(bytes, head.targetByte, head.targetEndByte)).toBe("/chat?room=1");
  });
});

describe("Head.isMethod()", () => {
  it.each([
    ["GET", true],
    ["get", false],
    ["GE", false],
    ["GETS", false],
    ["POS", false],
  ])("says for %s: %s", (name, expected) => {
    expect(parseLines().head.isMethod(name)).toBe(expected);
    expect(parse("\r\nGET / HTTP/1.1\r\n\r\n").head.isMethod(name)).toBe(expected);
  });
});

describe("Head.isValue()", () => {
  it.each<[index: number, text: string, expected: boolean]>([
    [0, "a.example", true],
    [0, "A.example", false],
    [0, "a.exampl", false],
    [0, "a.example ", false],
    [2, "", true],
    [3, "two", true],
    [4, "caf\u00E9", true],
    [4, "caf\u01E9", false],
  ])("says whether header %i is %j: %s", (index, text, expected) => {
    expect(parseLines().head.isValue(index, text)).toBe(expected);
  });
});

describe("Head.find()", () => {
  it("finds a header whatever the case of its letters, from an index on", () => {
    const { head } = parseLines();
    const found = [0, 1, 2, 3, 4].map((from) => head.find("x-list", from));
    expect(found).toEqual([1, 1, 3, 3, -1]);
    expect(head.find("host")).toBe(0);
    expect(head.find("x-latin", 5)).toBe(-1);
    expect(head.find("x-lis")).toBe(-1);
  });
});

describe("Head.get()", () => {
  it.each([
    ["host", "a.example"],
    ["HOST", "a.example"],
    ["X-List", "one, two"],
    ["X-Empty", ""],
    ["X-Missing", undefined],
  ])("gives for %s %j", (name, value) => {
    expect(parseLines().head.get(name)).toBe(value);
  });
});

describe("Head.get() of Cookie", () => {
  it("joins several as cookies are joined", () => {
    const { head } = parse("GET / HTTP/1.1\r\nCookie: a=1; b=2\r\nX: y\r\ncookie: c=3\r\n\r\n");
    expect(head.get("Cookie")).toBe("a=1; b=2; c=3");
  });
});

describe("Head.retain()", () => {
  it("keeps the head readable when the bytes are gone", () => {
    const { head, bytes } = parseLines();
    const before = [head.method, head.target, ...head.entries()];
    head.retain();
    bytes.fill(0);
    expect([head.method, head.target, ...head.entries()]).toEqual(before);
    expect(head.bytes.length).toBe(head.size);
    expect(latin1(head.bytes, head.valueStart(0), head.valueEnd(0))).toBe("a.example");
    expect(head.targetByte).toBe(4);
    expect(head.find("x-latin")).toBe(4);
  });

  it("copies no more than the head, even of a Buffer whose memory is reused", () => {
    const whole = concat([parseLines().bytes, encodeUtf8("and what came behind it")]);
    const shared = Buffer.alloc(whole.length + 8);
    shared.set(whole, 8);
    const parser = new HeadParser("request");
    parser.feed(shared.subarray(8));
    const { head } = parser;
    const before = [head.method, head.target, ...head.entries()];
    head.retain();
    shared.fill(0x41);
    expect([head.method, head.target, ...head.entries()]).toEqual(before);
    expect(head.bytes.buffer.byteLength).toBe(head.size);
  });
});
