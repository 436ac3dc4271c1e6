import { describe, expect, it } from "vitest";
import { streamFacts } from "../../../src/handshake/server/stream-facts.ts";
import { BufferedStream } from "../../../src/io/buffered.ts";
import type { ByteStream } from "../../../src/io/byte-stream.ts";
import { ScriptedStream } from "../streams.ts";

describe("streamFacts()", () => {
  it("gives the facts of a stream, or of the stream below it", () => {
    const facts = { remoteAddress: undefined };
    const conn = Object.assign(new ScriptedStream(), facts);
    expect(streamFacts(conn)).toBe(conn);
    expect(streamFacts(new BufferedStream(new BufferedStream(conn)))).toBe(conn);
  });

  it("gives undefined if no stream has facts", () => {
    const conn = new ScriptedStream();
    expect(streamFacts(new BufferedStream(conn))).toBeUndefined();
    expect(streamFacts(Object.assign(conn, { inner: null }) as ByteStream)).toBeUndefined();
    expect(streamFacts(Object.assign(conn, { inner: "text" }) as ByteStream)).toBeUndefined();
  });
});
