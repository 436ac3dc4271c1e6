import { describe, expect, it } from "vitest";
import { streamFacts } from "../../../src/handshake/server/stream-facts.ts";
import { BufferedStream } from "../../../src/io/buffered.ts";
import type { ByteStream } from "../../../src/io/byte-stream.ts";
import { ScriptedStream } from "../streams.ts";

describe("streamFacts()", () => {
  it("gives what a stream tells, or the one that it reads from", () => {
    const facts = { remoteAddress: undefined };
    const conn = Object.assign(new ScriptedStream(), facts);
    expect(streamFacts(conn)).toBe(conn);
    expect(streamFacts(new BufferedStream(new BufferedStream(conn)))).toBe(conn);
  });

  it("is undefined where no stream tells", () => {
    const conn = new ScriptedStream();
    expect(streamFacts(new BufferedStream(conn))).toBeUndefined();
    expect(streamFacts(Object.assign(conn, { inner: null }) as ByteStream)).toBeUndefined();
    expect(streamFacts(Object.assign(conn, { inner: "text" }) as ByteStream)).toBeUndefined();
  });
});
