import { describe, expect, it, vi } from "vitest";
import { memoryPair } from "../../../adapters/memory/index.ts";
import { concat } from "../../../src/bytes.ts";
import { Deadlines } from "../../../src/clock.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { DialError, TransportError } from "../../../src/errors.ts";
import { StateClientSide, StateExtended } from "../../../src/frame/check.ts";
import type { DialerOptions } from "../../../src/handshake/client/dial-options.ts";
import { Dialer, dialOn } from "../../../src/handshake/client/dialer.ts";
import type { UpgradedStream } from "../../../src/handshake/upgraded-stream.ts";
import { BufferedStream } from "../../../src/io/buffered.ts";
import type { ByteStream } from "../../../src/io/byte-stream.ts";
import type { ConnectOptions } from "../../../src/transport.ts";
import { cutAt, cuts } from "../../support/cuts.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { text, toHex } from "../../support/frames.ts";
import { ShiftExtension } from "../../support/shift-extension.ts";
import { macrotask } from "../../support/turns.ts";
import {
  answerTo,
  type Ending,
  keyIn,
  latin1Bytes,
  Remote,
  type Script,
  ScriptedStream,
  settled,
  textOf,
} from "../streams.ts";

interface Outcome {
  readonly stream?: UpgradedStream | undefined;
  readonly error?: unknown;
  readonly conn: ScriptedStream;
}

const right: Script = (request) => [answerTo(request)];

/** Dials a server that follows a script. */
async function dialed(
  script: Script,
  options: DialerOptions = {},
  { url = "ws://a.example/chat", ending = "open" as Ending } = {},
): Promise<Outcome> {
  const conn = new ScriptedStream(script, ending);
  const dialer = new Dialer({ netDial: () => conn, ...options });
  const { value: stream, error } = await settled(dialer.dial(url));
  return { stream, error, conn };
}

async function readAll(stream: UpgradedStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(64);
    const count = (await stream.read(into)) ?? 0;
    if (count === 0) return concat(parts);
    parts.push(into.subarray(0, count));
  }
}

describe("Dialer.dial()", () => {
  it("sends a request byte for byte, and gives a stream of the client's side", async () => {
    const { stream, conn } = await dialed(right);
    expect(conn.text.split("\r\n")).toEqual([
      "GET /chat HTTP/1.1",
      "Host: a.example",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${keyIn(conn.text)}`,
      "",
      "",
    ]);
    expect(stream).toMatchObject({ protocol: "", extensions: [], context: undefined });
    expect([stream?.state, stream?.buffered, conn.closes]).toEqual([StateClientSide, 0, 0]);
  });

  it("offers subprotocols, extensions and headers, and gives what was chosen", async () => {
    const extension = { name: "e", parameters: [["x", "1"]] } as const;
    const lines = ["Sec-WebSocket-Protocol: b", "Sec-WebSocket-Extensions: e; x=2"];
    const { stream, conn } = await dialed((request) => [answerTo(request, ...lines)], {
      protocols: ["a", "b"],
      extensions: [extension],
      header: [["Cookie", "a=b"]],
      host: "other.example",
    });
    const sent = conn.text.split("\r\n");
    expect(sent[1]).toBe("Host: other.example");
    expect(sent.slice(6)).toEqual([
      "Sec-WebSocket-Protocol: a, b",
      "Sec-WebSocket-Extensions: e; x=1",
      "Cookie: a=b",
      "",
      "",
    ]);
    expect(stream).toMatchObject({
      protocol: "b",
      extensions: [{ name: "e", parameters: [["x", "2"]] }],
      state: StateClientSide | StateExtended,
    });
  });

  it("offers what its extensions offer, and gives their sessions to the stream", async () => {
    const extension = new ShiftExtension();
    const chosen = "Sec-WebSocket-Extensions: e, x-shift; by=1";
    const { stream, conn } = await dialed((request) => [answerTo(request, chosen)], {
      extensions: [{ name: "e", parameters: [] }, extension],
    });
    expect(conn.text.split("\r\n")[6]).toBe(chosen);
    expect(stream!.recvExtensions).toHaveLength(1);
    expect(stream!.sendExtensions).toHaveLength(1);
    await stream!.close();
    expect([extension.opened, extension.closed]).toEqual([1, 1]);
  });

  it.each([
    ["an answer that an extension did not offer", "x-shift; by=2", {}],
    ["two that share a reserved bit", "x-shift; by=1, x-two; by=2", { rsv: 2 }],
  ])("refuses %s", async (_, answer, two) => {
    const extension = new ShiftExtension();
    const rival = new ShiftExtension({ name: "x-two", by: 2, ...two });
    const lines = `Sec-WebSocket-Extensions: ${answer}`;
    const { error, conn } = await dialed((request) => [answerTo(request, lines)], {
      extensions: [extension, rival],
    });
    expect(error).toMatchObject({ name: "DialError", code: "BAD_EXTENSIONS", status: 101 });
    expect((error as DialError).headers).toContainEqual(["Sec-WebSocket-Extensions", answer]);
    expect([conn.closes, extension.opened - extension.closed]).toEqual([1, 0]);
  });

  it("closes its extensions if onHeader ends the dialing", async () => {
    const extension = new ShiftExtension();
    const lines = ["Sec-WebSocket-Extensions: x-shift; by=1", "X-Any: 1"];
    const failed = new Error("no");
    const { error } = await dialed((request) => [answerTo(request, ...lines)], {
      extensions: [extension],
      onHeader() {
        throw failed;
      },
    });
    expect(error).toBe(failed);
    expect([extension.opened, extension.closed]).toEqual([1, 1]);
  });

  it("asks with another key each time", async () => {
    const conns = await Promise.all([dialed(right), dialed(right)]);
    const [one, other] = conns.map(({ conn }) => keyIn(conn.text));
    expect(one).not.toBe(other);
  });

  it("accepts an answer at every cut, and leaves frames after it to the stream", async () => {
    const frames = text("Hello");
    const length = (await dialed(right)).conn.written[0]!.length;
    for (let at = 0; at <= length + frames.length; at++) {
      const script: Script = (request) => cutAt(concat([answerTo(request), frames]), [at]);
      const { stream } = await dialed(script, { readBufferSize: 64 }, { ending: "end" });
      expect(toHex(await readAll(stream!))).toBe(toHex(frames));
    }
  });

  it("skips up to eight informational responses", async () => {
    const informational = latin1Bytes("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    const times = (count: number): Script => {
      return (request) => [...Array<Uint8Array>(count).fill(informational), answerTo(request)];
    };
    expect((await dialed(times(8))).error).toBeUndefined();
    const { error, conn } = await dialed(times(9));
    expect(error).toMatchObject({ name: "DialError", code: "MALFORMED_RESPONSE" });
    expect((error as DialError).cause).toBeInstanceOf(Error);
    expect(conn.closes).toBe(1);
  });

  it.each(["HTTP/1.0 101", "HTTP/2.0 101", "HTTP/2.1 101", "HTTP/1.0 100"])(
    "refuses %s",
    async (line) => {
      const { error, conn } = await dialed([latin1Bytes(`${line}\r\n\r\n`)]);
      const status = Number(line.slice(-3));
      expect(error).toMatchObject({ name: "DialError", code: "BAD_PROTOCOL", status });
      expect(conn.closes).toBe(1);
    },
  );

  it("has the buffer's size from its options", async () => {
    const { stream } = await dialed(right, { readBufferSize: 100 });
    expect(stream?.bytes.length).toBe(100);
  });

  it("has its limits from its options", async () => {
    const { error } = await dialed(right, { headLimits: { maxHeaders: 2 } });
    expect(error).toMatchObject({ code: "MALFORMED_RESPONSE", cause: { limit: 2 } });
  });

  it("calls onHeader for each header of the answer that is not the handshake's own", async () => {
    const seen: string[] = [];
    const onHeader = async (name: Uint8Array, value: Uint8Array): Promise<void> => {
      await macrotask();
      seen.push(`${textOf(name)}: ${textOf(value)}`);
    };
    const own = ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: e"];
    const lines = ["x-FOO-bar: 1", ...own, "set-cookie: b"];
    const script: Script = (request) => [answerTo(request, ...lines)];
    const extensions = [{ name: "e", parameters: [] }];
    await dialed(script, { onHeader, protocols: ["a"], extensions });
    expect(seen).toEqual(["X-Foo-Bar: 1", "Set-Cookie: b"]);
  });

  it("ends with what onHeader throws", async () => {
    const thrown = new Error("no");
    const onHeader = (): Promise<never> => Promise.reject(thrown);
    const { error, conn } = await dialed((request) => [answerTo(request, "A: b")], { onHeader });
    expect([error, conn.closes]).toEqual([thrown, 1]);
  });
});

describe("Dialer.dial() and time", () => {
  it("gives up after its timeout, and closes the stream", async () => {
    const clock = new FakeClock();
    const conn = new ScriptedStream();
    const options = { timeout: 1000, deadlines: new Deadlines(clock) };
    const failed = settled(new Dialer({ ...options, netDial: () => conn }).dial("ws://a"));
    await macrotask();
    clock.advance(900);
    await macrotask();
    expect(conn.closes).toBe(0);
    clock.advance(200);
    expect((await failed).error).toMatchObject({ name: "TimeoutError", code: "DIAL_TIMEOUT" });
    expect([conn.closes, clock.running]).toEqual([1, 0]);
  });

  it.each<[what: string, script: Script]>([
    ["the stream is there", right],
    ["the server has said no", [latin1Bytes("HTTP/1.1 404\r\nContent-Length: 2\r\n\r\nNo")]],
  ])("has no timer running once %s", async (_, script) => {
    const clock = new FakeClock();
    await dialed(script, { deadlines: new Deadlines(clock) });
    expect(clock.running).toBe(0);
  });

  it("closes a stream that comes after it was given up", async () => {
    const late = newDeferred<ByteStream>();
    const abort = new AbortController();
    const dialer = new Dialer({ netDial: () => late.promise });
    const failed = settled(dialer.dial("ws://a", abort));
    abort.abort("no");
    expect(await failed).toEqual({ error: "no" });
    const conn = new ScriptedStream();
    late.resolve(conn);
    await macrotask();
    expect([conn.closes, conn.text]).toEqual([1, ""]);
  });
});

describe("Dialer.dial() of a server that says no", () => {
  it("treats 200 as a refusal", async () => {
    const { error } = await dialed([latin1Bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]);
    expect(error).toMatchObject({ name: "DialError", code: "BAD_STATUS", status: 200 });
  });

  it("fails with status, headers and body, at every cut", async () => {
    const response = latin1Bytes("HTTP/1.1 401 Who?\r\nContent-Length: 3\r\nA: b\r\n\r\nNo\n");
    for (const pieces of cuts(response)) {
      const seen: unknown[] = [];
      const onStatusError = (status: number, reason: string, bytes: Uint8Array): void => {
        seen.push(status, reason, textOf(bytes));
      };
      const { error, conn } = await dialed(pieces, { onStatusError });
      expect(error).toBeInstanceOf(DialError);
      expect(error).toMatchObject({ code: "BAD_STATUS", status: 401 });
      const { headers, body } = error as DialError;
      expect([headers, textOf(body)]).toEqual([
        [
          ["Content-Length", "3"],
          ["A", "b"],
        ],
        "No\n",
      ]);
      expect([seen, conn.closes]).toEqual([[401, "Who?", textOf(response)], 1]);
    }
  });

  it("gives head and decoded body if the body is larger than the buffer", async () => {
    const head = "HTTP/1.1 500 \r\nTransfer-Encoding: chunked\r\n\r\n";
    const onStatusError = vi.fn();
    const options = { onStatusError, readBufferSize: 64 };
    await dialed([latin1Bytes(`${head}50\r\n${"x".repeat(80)}\r\n0\r\n`)], options);
    const [status, reason, bytes] = onStatusError.mock.calls[0] as [number, string, Uint8Array];
    expect([status, reason, textOf(bytes)]).toEqual([500, "", head + "x".repeat(80)]);
  });

  it("waits two seconds for a body that has no end", async () => {
    const clock = new FakeClock();
    const conn = new ScriptedStream([latin1Bytes("HTTP/1.1 403 \r\n\r\nNo")]);
    const deadlines = new Deadlines(clock);
    const after = vi.spyOn(deadlines, "after");
    const failed = new Dialer({ netDial: () => conn, deadlines })
      .dial("ws://a")
      .catch((error: unknown) => error);
    await macrotask();
    expect(after.mock.calls.map(([time]) => time)).toEqual([30_000, 2000]);
    clock.advance(1_900);
    await macrotask();
    expect(conn.closes).toBe(0);
    clock.advance(200);
    expect(await failed).toMatchObject({ code: "BAD_STATUS", status: 403 });
    expect(textOf(((await failed) as DialError).body)).toBe("No");
    expect(conn.closes).toBe(1);
  });

  it("ends with what onStatusError throws", async () => {
    const thrown = new Error("no");
    const onStatusError = (): never => {
      throw thrown;
    };
    const response = latin1Bytes("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n");
    const { error, conn } = await dialed([response], { onStatusError });
    expect([error, conn.closes]).toEqual([thrown, 1]);
  });
});

describe("Dialer.dial() over streams of the caller's", () => {
  it("connects, does TLS, wraps, in this order", async () => {
    const lines: string[] = [];
    let conn = new ScriptedStream();
    const dialer = new Dialer({
      netDial({ hostname, port, signal }) {
        lines.push(`connect ${hostname} ${port} ${String(signal.aborted)}`);
        conn = new ScriptedStream(right);
        return conn;
      },
      tlsClient(stream, hostname) {
        lines.push(`tls ${hostname} ${String(stream === conn)}`);
        return stream;
      },
      wrapConn(stream) {
        lines.push(`wrap ${conn.text.length}`);
        return stream;
      },
    });
    await dialer.dial("wss://[::1]:8443/");
    await dialer.dial("ws://a");
    const plain = ["connect a 80 false", "wrap 0"];
    expect(lines).toEqual(["connect ::1 8443 false", "tls ::1 true", "wrap 0", ...plain]);
  });

  it("leaves TLS to connect, unless tlsClient does it", async () => {
    const seen: unknown[] = [];
    const connect = ({ hostname, port, tls }: ConnectOptions): Promise<ByteStream> => {
      seen.push([hostname, port, tls]);
      return Promise.resolve(new ScriptedStream(right));
    };
    await new Dialer({ connect }).dial("ws://a");
    await new Dialer({ connect }).dial("wss://a");
    await new Dialer({ connect, tlsOptions: { serverName: "b" } }).dial("wss://a");
    await new Dialer({ connect, tlsClient: (stream) => stream }).dial("wss://a");
    const tls = [
      ["a", 443, {}],
      ["a", 443, { serverName: "b" }],
    ];
    expect(seen).toEqual([["a", 80, undefined], ...tls, ["a", 443, undefined]]);
  });

  it.each(["tlsClient", "wrapConn"] as const)(
    "closes the stream once if %s fails",
    async (name) => {
      const thrown = new Error("no");
      const { error, conn } = await dialed(
        right,
        { tlsClient: (stream) => stream, [name]: () => Promise.reject(thrown) },
        { url: "wss://a" },
      );
      expect([error, conn.closes, conn.text]).toEqual([thrown, 1, ""]);
    },
  );

  it("closes what wrapConn made if the handshake fails, however it fails", async () => {
    const wrapped = new ScriptedStream([], "end");
    wrapped.close = () => {
      wrapped.closes++;
      throw new Error("EPIPE");
    };
    const { error, conn } = await dialed(right, { wrapConn: () => wrapped });
    expect(error).toMatchObject({ name: "TransportError", code: "UNEXPECTED_END" });
    expect([wrapped.closes, conn.closes]).toEqual([1, 0]);
  });

  it("fails as connecting does, and then wraps nothing", async () => {
    const thrown = new TransportError("REFUSED");
    const wrapConn = vi.fn();
    const { error } = await dialed(right, { netDial: () => Promise.reject(thrown), wrapConn });
    expect([error, wrapConn.mock.calls]).toEqual([thrown, []]);
  });

  it("fails before it connects if wss has no tlsClient, or if there is no connect", async () => {
    const netDial = vi.fn();
    for (const [options, url] of [
      [{ netDial }, "wss://a"],
      [{}, "ws://a"],
      [{ tlsClient: (stream: ByteStream) => stream }, "wss://a"],
    ] as const) {
      await expect(new Dialer(options).dial(url)).rejects.toThrow(TypeError);
    }
    expect(netDial.mock.calls).toEqual([]);
  });
});

describe("Dialer.upgrade()", () => {
  it("goes on with the buffer of a buffered stream", async () => {
    const conn = new BufferedStream(new ScriptedStream(right));
    expect((await new Dialer().upgrade(conn, "ws://a")).bytes).toBe(conn.bytes);
  });

  it("does the handshake on a stream that is connected", async () => {
    const conn = new ScriptedStream((request) => [answerTo(request), latin1Bytes("frames")], "end");
    const stream = await new Dialer().upgrade(conn, new URL("wss://a/b?c"));
    expect(conn.text.split("\r\n").slice(0, 2)).toEqual(["GET /b?c HTTP/1.1", "Host: a"]);
    expect(textOf(await readAll(stream))).toBe("frames");
  });

  it.each<[what: string, url: string, signal?: AbortSignal]>([
    ["the handshake", "ws://a"],
    ["the URL", "http://a"],
    ["the signal", "ws://a", AbortSignal.abort("no")],
  ])("closes the stream once if it fails by %s", async (_, url, signal) => {
    const conn = new ScriptedStream([latin1Bytes("\0")]);
    const { error } = await settled(new Dialer().upgrade(conn, url, { signal }));
    expect(error).toBeDefined();
    expect(conn.closes).toBe(1);
  });
});

describe("dialOn()", () => {
  it("rejects, and throws nothing, if an option may not be sent", async () => {
    const never = (): Promise<never> => new Promise(() => {});
    const dialing = dialOn(never, "ws://a", { protocols: ["a b"] });
    expect((await settled(dialing)).error).toBeInstanceOf(TypeError);
  });

  it("dials by a runtime's way to connect, with the options of a Dialer", async () => {
    const [ours, theirs] = memoryPair();
    const remote = new Remote(theirs);
    const seen: unknown[] = [];
    const dialing = dialOn(
      ({ hostname, port }, attach) => {
        seen.push(hostname, port);
        return Promise.resolve(attach(ours));
      },
      "ws://a.example:81/chat",
      { protocols: ["b"] },
    );
    while (!remote.text.endsWith("\r\n\r\n")) await macrotask();
    remote.send(answerTo(remote.text, "Sec-WebSocket-Protocol: b"), latin1Bytes("frames"));
    const stream = await dialing;
    expect([stream.protocol, seen]).toEqual(["b", ["a.example", 81]]);
    const into = new Uint8Array(9);
    expect(textOf(into.subarray(0, (await stream.read(into))!))).toBe("frames");
    await stream.close();
  });

  it("gives up if its signal aborts", async () => {
    const never = (): Promise<never> => new Promise(() => {});
    const dialing = dialOn(never, "ws://a", { signal: AbortSignal.abort("no") });
    expect(await settled(dialing)).toEqual({ error: "no" });
  });
});

describe("Dialer", () => {
  it.each([NaN, -1])("refuses a time-out of %d", (timeout) => {
    expect(() => new Dialer({ timeout })).toThrow(RangeError);
  });

  it.each<[what: string, options: DialerOptions]>([
    ["a subprotocol", { protocols: ["a b"] }],
    ["an extension", { extensions: [{ name: "", parameters: [] }] }],
    ["a header", { header: [["Host", "a"]] }],
    ["a host", { host: "a\r\nEvil: 1" }],
  ])("refuses %s that may not be sent, at once", (_, options) => {
    expect(() => new Dialer(options)).toThrow(TypeError);
  });
});
