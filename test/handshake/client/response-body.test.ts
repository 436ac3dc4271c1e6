import { describe, expect, it } from "vitest";
import { concat } from "../../../src/bytes.ts";
import { readHead } from "../../../src/handshake/read-head.ts";
import { ResponseBody } from "../../../src/handshake/client/response-body.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { BufferedStream } from "../../../src/io/buffered.ts";
import { cuts } from "../../support/cuts.ts";
import { counted } from "../../support/frames.ts";
import { type Ending, latin1Bytes, ScriptedStream, textOf } from "../streams.ts";

const mebibyte = 1024 ** 2;

/** Reads the body of a response that comes in pieces. */
async function bodyOf(
  pieces: readonly Uint8Array[],
  ending: Ending = "end",
  size = 64,
): Promise<Uint8Array> {
  const stream = new BufferedStream(new ScriptedStream(pieces, ending), { size });
  const head = await readHead(stream, new HeadParser("response"));
  head.retain();
  const body = new ResponseBody(stream);
  await body.read(head);
  return body.bytes;
}

function response(head: string, body: string): Uint8Array {
  return latin1Bytes(`HTTP/1.1 ${head}\r\n\r\n${body}`);
}

const chunked = "404\r\nTransfer-Encoding: Chunked";

describe("ResponseBody", () => {
  it.each([
    ["by its length", "404\r\nContent-Length: 5", "Hello", "Hello"],
    ["by its length, with more behind it", "404\r\nContent-Length: 5", "Hello, world", "Hello"],
    ["of no length", "404\r\nContent-Length: 0", "Hello", ""],
    ["to the end", "404", "Hello", "Hello"],
    ["to the end where the length is none", "404\r\nContent-Length: +2", "Hello", "Hello"],
    ["to the end where there are two lengths", "404\r\nContent-Length: 2, 2", "Hello", "Hello"],
    ["broken off", "404\r\nContent-Length: 9", "Hello", "Hello"],
    ["in chunks", chunked, "3\r\nHel\r\n2;a=b\r\nlo\r\n0\r\n\r\n", "Hello"],
    [
      "in chunks of hexadecimal sizes",
      chunked,
      "00A\r\n0123456789\r\nb \r\n0123456789a\r\n0\r\n",
      "01234567890123456789a",
    ],
    ["in chunks, with a trailer", chunked, "5\r\nHello\r\n0\r\nA: b\r\n\r\n", "Hello"],
    ["in chunks whose lines end with LF", chunked, "3\nHel\n2\nlo\n0\n\n", "Hello"],
    ["in chunks with a length beside", `${chunked}\r\nContent-Length: 1`, "2\r\nHi\r\n0\r\n", "Hi"],
    ["in chunks, broken off inside one", chunked, "3\r\nHel\r\n9\r\nlo", "Hello"],
    ["in chunks, broken off inside a size", chunked, "5\r\nHello\r\n5", "Hello"],
    ["in chunks whose size is none", chunked, "5\r\nHello\r\nx\r\n5\r\nHello", "Hello"],
    ["in chunks whose size is too long", chunked, "5\r\nHello\r\n000000001\r\nx", "Hello"],
    [
      "in chunks whose size line does not end",
      chunked,
      `2\r\nHi\r\n5;${"x".repeat(1100)}\r\nHello`,
      "Hi",
    ],
    [
      "in chunks whose size line is as long as may be",
      chunked,
      `2\r\nHi\r\n5;${"x".repeat(1020)}\r\nHello\r\n0\r\n`,
      "HiHello",
    ],
    [
      "in chunks whose size line is one byte longer",
      chunked,
      `2\r\nHi\r\n5;${"x".repeat(1021)}\r\nHello\r\n0\r\n`,
      "Hi",
    ],
    ["of 204", "204\r\nContent-Length: 5", "Hello", ""],
    ["of 304", "304\r\nContent-Length: 5", "Hello", ""],
  ])("reads a body %s", async (_, head, body, expected) => {
    for (const pieces of cuts(response(head, body))) {
      expect(textOf(await bodyOf(pieces))).toBe(expected);
    }
  });

  it("waits for no byte after the body", async () => {
    for (const [head, body] of [
      ["404\r\nContent-Length: 5", "Hello"],
      [chunked, "5\r\nHello\r\n0\r\n"],
    ] as const) {
      expect(textOf(await bodyOf([response(head, body)], "open"))).toBe("Hello");
    }
  });

  it("gives what came before the stream broke", async () => {
    const pieces = [response("404", "Hel"), latin1Bytes("lo")];
    expect(textOf(await bodyOf(pieces, new Error("ECONNRESET")))).toBe("Hello");
  });

  it.each([mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte])(
    "keeps up to 1 MiB of %i bytes",
    async (size) => {
      const sent = counted(size);
      const kept = sent.subarray(0, mebibyte);
      const head = response(`404\r\nContent-Length: ${size}`, "");
      const body = await bodyOf([head, sent], "open", 4096);
      expect(body.length).toBe(kept.length);
      expect(body.every((byte, index) => byte === kept[index])).toBe(true);
    },
  );

  it("keeps up to 1 MiB of endless chunks, and of a length beyond all numbers", async () => {
    const chunk = concat([latin1Bytes("ffff\r\n"), counted(0xffff), latin1Bytes("\r\n")]);
    const chunks = Array.from({ length: 40 }, () => chunk);
    const endless = await bodyOf([response(chunked, ""), ...chunks], "open", 4096);
    const long = response(`404\r\nContent-Length: ${"9".repeat(400)}`, "");
    const huge = await bodyOf([long, ...chunks], "open", 4096);
    expect([endless.length, huge.length]).toEqual([mebibyte, mebibyte]);
    // What is behind the last byte that is kept looks like the sizes of chunks.
    const sizes = latin1Bytes("1\r\n".repeat(mebibyte / 2));
    const cut = await bodyOf([response(chunked, "200000\r\n"), sizes], "open", 4096);
    expect(cut.length).toBe(mebibyte);
  });
});
