import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { DebugDialer, DebugUpgrader } from "../../src/handshake/debug.ts";
import type { DialerOptions } from "../../src/handshake/client/dial-options.ts";
import { rejectConnection } from "../../src/handshake/server/reject.ts";
import type { UpgraderOptions } from "../../src/handshake/server/upgrader.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import { writeAll } from "../../src/io/write-all.ts";
import { cuts } from "../support/cuts.ts";
import { text, toHex } from "../support/frames.ts";
import {
  answerTo,
  latin1Bytes,
  requestFor,
  type Script,
  ScriptedStream,
  settled,
  switching,
  textOf,
} from "./streams.ts";

const frames = text("Hello");

interface Seen {
  /** What the callbacks got, in the order of their calls. */
  readonly lines: [what: string, bytes: string][];
  readonly error?: unknown;
  readonly stream?: { read(into: Uint8Array): unknown; write(from: Uint8Array): unknown };
  readonly conn: ScriptedStream;
}

function callbacks(lines: [string, string][]): ConstructorParameters<typeof DebugDialer>[1] {
  return {
    onRequest: (bytes) => void lines.push(["request", textOf(bytes)]),
    onResponse: (bytes) => void lines.push(["response", textOf(bytes)]),
  };
}

async function dialed(script: Script, options: DialerOptions = {}): Promise<Seen> {
  const lines: [string, string][] = [];
  const conn = new ScriptedStream(script, "end");
  const dialer = new DebugDialer({ netDial: () => conn, ...options }, callbacks(lines));
  const { value, error } = await settled(dialer.dial("ws://a.example/chat"));
  return { lines, error, conn, ...(value === undefined ? {} : { stream: value }) };
}

async function upgraded(
  pieces: readonly Uint8Array[],
  options: UpgraderOptions<undefined> = {},
): Promise<Seen> {
  const lines: [string, string][] = [];
  const conn = new ScriptedStream(pieces, "end");
  const { value, error } = await settled(
    new DebugUpgrader(options, callbacks(lines)).upgrade(conn),
  );
  return { lines, error, conn, ...(value === undefined ? {} : { stream: value }) };
}

async function readFrames(stream: Seen["stream"]): Promise<string> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(16);
    const count = (await stream!.read(into)) as number;
    if (count === 0) return toHex(concat(parts));
    parts.push(into.subarray(0, count));
  }
}

describe("DebugDialer.dial()", () => {
  it("shows request and response, and no frame after them, which can still be read", async () => {
    let answer = "";
    const script: Script = (request) => {
      const bytes = answerTo(request, "x-a: b");
      answer = textOf(bytes);
      return [concat([bytes, frames])];
    };
    const { lines, stream, conn } = await dialed(script, { onHeader() {} });
    expect(lines).toEqual([
      ["request", conn.text],
      ["response", answer],
    ]);
    expect(await readFrames(stream)).toBe(toHex(frames));
    await stream!.write(latin1Bytes("later"));
    expect([conn.text.slice(-5), lines.length]).toEqual(["later", 2]);
  });

  it("shows informational responses too", async () => {
    const early = "HTTP/1.1 103 X\r\nA: b\r\n\r\n";
    const { lines } = await dialed((request) => [
      concat([latin1Bytes(early), answerTo(request), frames]),
    ]);
    expect(lines[1]![1].startsWith(`${early}HTTP/1.1 101`)).toBe(true);
    expect(lines[1]![1].endsWith("\r\n\r\n")).toBe(true);
  });

  it.each([
    [
      "a refusal with its body, as it was sent",
      "HTTP/1.1 404\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nNo\r\n0\r\n\r\n",
    ],
    [
      "a refusal whose body looks like another answer",
      "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\nHTTP/1.1 101 \r\n\r\nframes",
    ],
    ["what is no response", "SSH-2.0-OpenSSH"],
    ["a part of a response", "HTTP/1.1 101 Switching"],
  ])("shows %s", async (_, response) => {
    const { lines, error, conn } = await dialed([latin1Bytes(response)]);
    expect(error).toBeInstanceOf(Error);
    expect(lines).toEqual([
      ["request", conn.text],
      ["response", response],
    ]);
  });

  it.each([
    ["the length that it says", "HTTP/1.1 404 \r\nContent-Length: 2\r\n\r\nNo"],
    ["no body where there is none", "HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n"],
    [
      "the last chunk and its trailers",
      "HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nNo\r\n0\r\nA: b\r\n\r\n",
    ],
  ])("shows nothing after a refusal's body, by %s", async (_, response) => {
    const { lines } = await dialed([latin1Bytes(`${response}HTTP/1.1 200 behind it`)]);
    expect(lines[1]).toEqual(["response", response]);
  });

  it.each([
    ["whose length says nothing", "Content-Length: two\r\n\r\nNo"],
    ["that is shorter than its length", "Content-Length: 3\r\n\r\nNo"],
    ["in chunks that are none", "Transfer-Encoding: chunked\r\n\r\nNo\r\n"],
    ["in chunks that break off inside of one", "Transfer-Encoding: chunked\r\n\r\n5\r\nNo"],
    ["in chunks that break off between two", "Transfer-Encoding: chunked\r\n\r\n2\r\nNo\r\n"],
    ["in chunks that break off in a trailer", "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b"],
  ])("shows all of a body %s", async (_, rest) => {
    const response = `HTTP/1.1 404 \r\n${rest}`;
    const { lines } = await dialed([latin1Bytes(response)]);
    expect(lines[1]).toEqual(["response", response]);
  });

  it("shows no frame after a refused answer", async () => {
    const head = "HTTP/1.1 101\r\nUpgrade: websocket\r\n\r\n";
    const { lines, error } = await dialed([concat([latin1Bytes(head), frames])]);
    expect(error).toMatchObject({ code: "BAD_CONNECTION" });
    expect(lines[1]).toEqual(["response", head]);
  });

  it("shows empty bytes if nobody could be reached", async () => {
    const { lines, error } = await dialed([], { netDial: () => Promise.reject(new Error("no")) });
    expect(error).toEqual(new Error("no"));
    expect(lines).toEqual([
      ["request", ""],
      ["response", ""],
    ]);
  });

  it("shows what goes through the caller's own wrapping, and only once if writes are partial", async () => {
    const inner = new ScriptedStream((request) => [answerTo(request)]);
    const { lines } = await dialed([], {
      wrapConn: () => ({
        read: (into) => inner.read(into),
        write: (from) => Promise.resolve(inner.write(from.subarray(0, 7))),
        close() {},
      }),
    });
    expect(lines[0]).toEqual(["request", inner.text]);
  });

  it("writes whole, even beside partial writes to the stream itself", async () => {
    const inner = new ScriptedStream((request) => [answerTo(request)]);
    const conn: ByteStream = {
      read: (into) => inner.read(into),
      write: (from) => Promise.resolve(inner.write(from.subarray(0, 3))),
      close() {},
    };
    const stream = await new DebugDialer({ netDial: () => conn }, {}).dial("ws://a");
    inner.written.length = 0;
    const bytes = (name: string): Uint8Array => latin1Bytes(name.repeat(8));
    await Promise.all([
      stream.write(bytes("a")),
      writeAll(conn, bytes("b")),
      stream.write(bytes("c")),
    ]);
    expect(inner.text).toBe("aaaaaaaa" + "bbbbbbbb" + "cccccccc");
  });

  it("copies nothing any more once the handshake is over", async () => {
    const { stream, conn } = await dialed((request) => [answerTo(request), frames]);
    conn.write = (from) => from.length;
    const uncopied = new Uint8Array(4);
    uncopied.slice = () => {
      throw new Error("copied");
    };
    expect(await stream!.write(uncopied)).toBe(4);
    // A read as large as the buffer goes straight through to the recorder.
    const large = new Uint8Array(4096);
    large.slice = uncopied.slice;
    expect(await stream!.read(large)).toBe(frames.length);
  });

  it("closes through itself, and needs no callbacks", async () => {
    const conn = new ScriptedStream((request) => [answerTo(request)]);
    const stream = await new DebugDialer({ netDial: () => conn }, {}).dial("ws://a");
    await stream.close();
    expect(conn.closes).toBe(1);
  });
});

describe("a callback that throws", () => {
  const error = new Error("no");
  const throwing = {
    onRequest: () => {
      throw error;
    },
  };

  it("ends the connection that was dialed, and the call", async () => {
    const lines: [string, string][] = [];
    const conn = new ScriptedStream((request) => [answerTo(request)], "end");
    const dialer = new DebugDialer({ netDial: () => conn }, { ...callbacks(lines), ...throwing });
    expect((await settled(dialer.dial("ws://a.example/chat"))).error).toBe(error);
    // The other one is called all the same.
    expect([conn.closes, lines.length]).toEqual([1, 1]);
  });

  it("ends the connection that was upgraded, and the call", async () => {
    const conn = new ScriptedStream([requestFor("/")], "end");
    const upgrader = new DebugUpgrader({}, throwing);
    expect((await settled(upgrader.upgrade(conn))).error).toBe(error);
    expect(conn.closes).toBe(1);
  });
});

describe("DebugUpgrader.upgrade()", () => {
  const request = requestFor("/chat", "x-foo: b");
  const response = [...switching, "", ""].join("\r\n");

  it("shows request and response at every cut, and no frame after them", async () => {
    for (const pieces of cuts(concat([request, frames]))) {
      const { lines, stream } = await upgraded(pieces, { onHeader() {} });
      expect(lines).toEqual([
        ["request", textOf(request)],
        ["response", response],
      ]);
      expect(await readFrames(stream)).toBe(toHex(frames));
    }
  });

  it("shows a refusal, and no frame after the request", async () => {
    const onHost = (): Promise<never> => Promise.reject(rejectConnection({ body: "No" }));
    const { lines, error, conn } = await upgraded([concat([request, frames])], { onHost });
    expect(error).toMatchObject({ code: "REJECTED" });
    expect(lines).toEqual([
      ["request", textOf(request)],
      ["response", conn.text],
    ]);
    expect(conn.text.endsWith("\r\n\r\nNo")).toBe(true);
  });

  it("shows bytes that are no request, and a part of one", async () => {
    const malformed = await upgraded([latin1Bytes("GET /\0 and more")]);
    expect(malformed.lines[0]).toEqual(["request", "GET /\0 and more"]);
    expect(malformed.lines[1]![1].startsWith("HTTP/1.1 400 ")).toBe(true);
    const part = await upgraded([request.slice(0, 50)]);
    expect(part.lines).toEqual([
      ["request", textOf(request.slice(0, 50))],
      ["response", ""],
    ]);
  });

  it("accepts null as the end of a stream, at once and later", async () => {
    for (const end of [null, Promise.resolve(null)]) {
      const conn = { read: () => end, write: () => 0, close() {} };
      const upgrading = new DebugUpgrader({}, {}).upgrade(conn);
      await expect(upgrading).rejects.toMatchObject({ code: "UNEXPECTED_END" });
    }
  });

  it("shows a request beyond the limits", async () => {
    const long = requestFor(`/${"x".repeat(9000)}`);
    const { lines, error } = await upgraded([long]);
    expect(error).toMatchObject({ code: "TARGET_TOO_LONG" });
    expect(textOf(long).startsWith(lines[0]![1])).toBe(true);
  });
});
