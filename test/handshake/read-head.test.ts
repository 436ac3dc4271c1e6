import { describe, expect, it } from "vitest";
import { readHead } from "../../src/handshake/read-head.ts";
import { HeadParser } from "../../src/http/parser.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { cuts } from "../support/cuts.ts";
import { requestFor, ScriptedStream, settled, textOf } from "./streams.ts";

const request = requestFor("/chat", "X-A: b");

function parser(): HeadParser {
  return new HeadParser("request");
}

describe("readHead()", () => {
  it("gives a head that lies in the stream's buffer, and leaves what follows", async () => {
    const stream = new BufferedStream(new ScriptedStream([concat([request, encodeUtf8("rest")])]));
    const head = await readHead(stream, parser());
    expect([head.target, head.get("x-a")]).toEqual(["/chat", "b"]);
    expect(head.bytes).toBe(stream.bytes);
    expect(textOf(stream.bytes.subarray(stream.start, stream.end))).toBe("rest");
  });

  it("gives one head after the other", async () => {
    const stream = new BufferedStream(new ScriptedStream([concat([request, request])]));
    for (let left = 1; left >= 0; left--) {
      const head = await readHead(stream, parser());
      expect([head.target, stream.buffered]).toEqual(["/chat", left * request.length]);
    }
  });

  it.each([9, request.length])("starts with %i bytes at hand", async (length) => {
    const pieces = [request.slice(0, length), request.slice(length)];
    const stream = new BufferedStream(new ScriptedStream(pieces, "end"));
    await stream.fill();
    expect((await readHead(stream, parser())).target).toBe("/chat");
  });

  it.each([16, 4096])("reads at every cut through a buffer of %i bytes", async (size) => {
    for (const pieces of cuts(concat([request, encodeUtf8("rest")]))) {
      const stream = new BufferedStream(new ScriptedStream(pieces, "end"), { size });
      const head = await readHead(stream, parser());
      expect([head.size, head.get("x-a")]).toEqual([request.length, "b"]);
      const rest = new Uint8Array(4);
      for (let at = 0; at < 4;) at += await stream.read(rest.subarray(at));
      expect(textOf(rest)).toBe("rest");
    }
  });

  it("fails if the stream ends before or inside the head", async () => {
    for (const length of [0, 1, request.length - 1]) {
      const stream = new BufferedStream(new ScriptedStream([request.slice(0, length)], "end"));
      const { error } = await settled(readHead(stream, parser()));
      expect(error).toMatchObject({ name: "TransportError", code: "UNEXPECTED_END" });
    }
  });

  it("fails with the parser's error, and with the stream's", async () => {
    const malformed = new BufferedStream(new ScriptedStream([encodeUtf8("\0")]));
    await expect(readHead(malformed, parser())).rejects.toMatchObject({
      code: "MALFORMED_REQUEST",
    });
    const reset = new Error("ECONNRESET");
    const broken = new BufferedStream(new ScriptedStream([request.slice(0, 5)], reset));
    await expect(readHead(broken, parser())).rejects.toBe(reset);
  });
});
