import { describe, expect, it } from "vitest";
import { latin1, noBytes } from "../../src/bytes.ts";
import { HeadParser } from "../../src/http/parser.ts";
import { headerLines, writeResponse } from "../../src/http/write.ts";

describe("a response of plain JavaScript", () => {
  it.each([5, null, ["a"], true])("is refused if a value or a body is %s", (wrong) => {
    expect(() => headerLines([["A", wrong as never]])).toThrow(TypeError);
    expect(() => headerLines([[wrong as never, "a"]])).toThrow(TypeError);
    expect(() => writeResponse(200, [], wrong as never)).toThrow(TypeError);
  });

  it("is refused if a body is text, which would become zeros", () => {
    expect(() => writeResponse(200, [], "Hello" as never)).toThrow(
      new TypeError("body must be a Uint8Array: String"),
    );
  });
});

describe("headerLines()", () => {
  it("writes a line a header, in their order", () => {
    const lines = headerLines([
      ["Set-Cookie", "a=b"],
      ["Set-Cookie", "c=\u00E9"],
      ["X-Empty", ""],
    ]);
    expect(lines).toBe("Set-Cookie: a=b\r\nSet-Cookie: c=\u00E9\r\nX-Empty: \r\n");
  });

  it("writes nothing if there are no headers", () => {
    expect(headerLines([])).toBe("");
  });

  it.each(["", "A B", "A:", "A\r\nB", "\u00FC"])("refuses the name %j", (name) => {
    expect(() => headerLines([[name, "a"]])).toThrow(TypeError);
  });

  it.each(["a\r\nB: c", "a\n", "a\r", "\0", "\u0141"])("refuses the value %j", (value) => {
    expect(() => headerLines([["A", value]])).toThrow(TypeError);
  });
});

describe("writeResponse()", () => {
  it("writes status line, headers and body", () => {
    const bytes = writeResponse(404, [["A", "b"]], Uint8Array.of(0x80, 0x0a));
    expect(latin1(bytes, 0, bytes.length)).toBe("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n\x80\n");
  });

  it.each([
    101, 200, 204, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 408, 413, 414, 426, 429, 431,
    500, 502, 503, 505,
  ])("has a reason for %i", (status) => {
    const parser = new HeadParser("response");
    parser.feed(writeResponse(status, [], noBytes));
    expect(parser.head.status).toBe(status);
    expect(parser.head.reason).toMatch(/^[A-Z][A-Za-z ]+$/);
  });

  it.each([100, 418, 599])("leaves the reason of %i empty", (status) => {
    const bytes = writeResponse(status, [], noBytes);
    expect(latin1(bytes, 0, bytes.length)).toBe(`HTTP/1.1 ${status} \r\n\r\n`);
  });

  it.each([0, 99, 600, 1000, 200.5, NaN, -200])("refuses a status of %d", (status) => {
    expect(() => writeResponse(status, [], noBytes)).toThrow(RangeError);
  });

  it("refuses headers that may not be sent", () => {
    expect(() => writeResponse(200, [["A", "b\r\nC: d"]], noBytes)).toThrow(TypeError);
  });
});
