import { describe, expect, it } from "vitest";
import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import { BodyDecoder, type BodyFraming, requestFraming } from "../../src/http/body.ts";
import { HeadParser } from "../../src/http/parser.ts";
import { cuts } from "../support/cuts.ts";

/** How the body of a request with these header lines is framed. */
function framing(lines: readonly string[], version = "1.1"): BodyFraming {
  const parser = new HeadParser("request");
  parser.feed(encodeUtf8([`POST / HTTP/${version}`, ...lines, "", ""].join("\r\n")));
  return requestFraming(parser.head);
}

function caught(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe("requestFraming()", () => {
  it.each<[lines: string[], framing: BodyFraming]>([
    [[], 0],
    [["Content-Length: 0"], 0],
    [["Content-Length: 12"], 12],
    [["Content-Length: 999999999999999"], 999_999_999_999_999],
    [["Transfer-Encoding: chunked"], "chunked"],
    [["Transfer-Encoding: ChunKed"], "chunked"],
  ])("gives for %j: %j", (lines, expected) => {
    expect(framing(lines)).toBe(expected);
  });

  it.each([
    [["Content-Length: 1", "Transfer-Encoding: chunked"]],
    [["Content-Length: 1", "Content-Length: 1"]],
    [["Content-Length: 1, 1"]],
    ...["", "-1", "+1", "0x1", "1.0", "1e3", "1 2", "9999999999999999", "\xb9"].map((length) => [
      [`Content-Length: ${length}`],
    ]),
    [["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]],
    ...["", "identity", "xchunked", "chunked, identity", "chunked;q=1", "chunked,"].map(
      (coding) => [[`Transfer-Encoding: ${coding}`]],
    ),
  ])("refuses %j with 400", (lines) => {
    expect(caught(() => framing(lines))).toMatchObject({ code: "BAD_BODY", status: 400 });
  });

  it("refuses Transfer-Encoding in HTTP/1.0", () => {
    const error = caught(() => framing(["Transfer-Encoding: chunked"], "1.0"));
    expect(error).toMatchObject({ code: "BAD_BODY", status: 400 });
  });

  it("refuses another coding in front of chunked with 501", () => {
    const error = caught(() => framing(["Transfer-Encoding: gzip, chunked"]));
    expect(error).toMatchObject({ code: "BAD_BODY", status: 501 });
  });
});

/** What a decoder makes of a stream in pieces: the body, and what is behind it. */
function decoded(
  kind: BodyFraming,
  pieces: readonly Uint8Array[],
  limit = Infinity,
): { body: string; rest: string; isComplete: boolean } {
  const decoder = new BodyDecoder(kind, limit);
  let body = "";
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    const end = decoder.feed(piece, 0, (chunk, from, to) => {
      body += latin1(chunk, from, to);
    });
    rest.push(piece.subarray(end));
  }
  const behind = concat(rest);
  expect(decoder.received).toBe(body.length);
  return { body, rest: latin1(behind, 0, behind.length), isComplete: decoder.isComplete };
}

describe("BodyDecoder", () => {
  it.each<[name: string, kind: BodyFraming, wire: string, body: string]>([
    ["of a length", 5, "Hello", "Hello"],
    ["of no bytes", 0, "", ""],
    ["of no chunks", "chunked", "0\r\n\r\n", ""],
    ["of chunks", "chunked", "5\r\nHello\r\nA\r\n, world ab\r\n000\r\n\r\n", "Hello, world ab"],
    ["with small and large digits", "chunked", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"],
    ["with extensions", "chunked", '1;a="b c"\r\nx\r\n0;last\r\n\r\n', "x"],
    ["with trailers", "chunked", "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x"],
  ])("finds a body %s wherever the stream is cut, and what follows", (_, kind, wire, body) => {
    const behind = "GET / HTTP/1.1\r\n";
    for (const pieces of cuts(encodeUtf8(wire + behind))) {
      expect(decoded(kind, pieces)).toEqual({ body, rest: behind, isComplete: true });
    }
  });

  it.each([
    ["no size", "\r\n"],
    ["a size that is no number", "g\r\n"],
    ["a signed size", "-1\r\n"],
    ["a size in another notation", "0x1\r\n"],
    ["a blank in front of a size", " 1\r\n"],
    ["a blank behind a size", "1 \r\n"],
    ["a size of thirteen digits", "0000000000001\r\n"],
    ["a bare LF behind a size", "1\nx"],
    ["a CR without LF behind a size", "1\rx"],
    ["a bare LF in an extension", "1;a\nx"],
    ["a chunk that is longer than its size", "1\r\nxy\r\n"],
    ["a chunk that ends with a bare LF", "1\r\nx\n0"],
    ["a chunk that ends with a CR without LF", "1\r\nx\r0"],
    ["a trailer without a colon", "0\r\nabc\r\n"],
    ["a trailer without a name", "0\r\n: a\r\n"],
    ["a folded trailer", "0\r\nA: b\r\n c\r\n"],
    ["a blank in front of a trailer's colon", "0\r\nA : b\r\n"],
    ["a bare LF in a trailer", "0\r\nA: b\n"],
    ["a CR without LF in a trailer", "0\r\nA: b\rC"],
    ["a bare LF behind the last chunk", "0\r\n\n"],
    ["a CR without LF at the end", "0\r\n\rx"],
    ["extensions without end", `1;${"a".repeat(17_000)}`],
    ["trailers without end", `0\r\n${"A: b\r\n".repeat(6000)}`],
  ])("refuses %s", (_, wire) => {
    expect(caught(() => decoded("chunked", [encodeUtf8(wire)]))).toMatchObject({
      code: "BAD_BODY",
      status: 400,
    });
  });

  it("refuses a body larger than its limit by its length, or at the chunk that exceeds it", () => {
    const tooLarge = { code: "BODY_TOO_LARGE", status: 413, limit: 4, actual: 5 };
    expect(caught(() => new BodyDecoder(5, 4))).toMatchObject(tooLarge);
    expect(decoded(4, [encodeUtf8("abcd")], 4).body).toBe("abcd");
    const wire = encodeUtf8("2\r\nab\r\n3\r\n");
    expect(caught(() => decoded("chunked", [wire], 4))).toMatchObject(tooLarge);
  });
});
