import { describe, expect, it, vi } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { DialError, TransportError } from "../../src/errors.ts";
import { Dialer, type DialerOptions, type NetDialOptions } from "../../src/handshake/dialer.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import {
  answerTo,
  type Ending,
  latin1Bytes,
  network,
  type Script,
  ScriptedStream,
  settled,
  textOf,
} from "../handshake/streams.ts";
import { macrotask } from "../support/turns.ts";

/** Section E of the battery, as far as the opening handshake goes: what a server may do to a client. */

/** The outcome is "open", or the code of the failure and the HTTP status that was read. */
type Row = readonly [id: string, what: string, script: Script, outcome: string];

/** A right answer with some text in it replaced. */
function replaced(what: string | RegExp, by: string): Script {
  return (request) => {
    const answer = textOf(answerTo(request));
    const changed = answer.replace(what, by);
    if (changed === answer) throw new Error(`Not in the answer: ${String(what)}`);
    return [latin1Bytes(changed)];
  };
}

const right: Script = (request) => [answerTo(request)];
const withLines =
  (...lines: readonly string[]): Script =>
  (request) => [answerTo(request, ...lines)];
const behind =
  (before: string): Script =>
  (request) => [latin1Bytes(before), answerTo(request)];
const page = (status: number, body: string, ...headers: readonly string[]): Script => [
  latin1Bytes([`HTTP/1.1 ${status} X`, ...headers, "", body].join("\r\n")),
];
const malformed = "MALFORMED_RESPONSE 0";
const huge = "x".repeat(20_000);

const rows: readonly Row[] = [
  ["E-82a", "a page", page(200, "Hello", "Content-Length: 5"), "BAD_STATUS 200"],
  [
    "E-82b",
    "a redirect",
    page(301, "", "Location: http://b/", "Content-Length: 0"),
    "BAD_STATUS 301",
  ],
  ["E-82c", "a demand for credentials", page(401, "", "Content-Length: 0"), "BAD_STATUS 401"],
  ["E-82d", "an error without a length", page(500, "Oh"), "BAD_STATUS 500"],
  ["E-82e", "a status that is none of HTTP's", page(999, ""), "BAD_STATUS 999"],
  ["E-83a", "a wrong accept", replaced(/Accept: ./, "Accept: -"), "BAD_SEC_ACCEPT 101"],
  ["E-83b", "no accept", replaced(/Sec-WebSocket-Accept.*\r\n/, ""), "BAD_SEC_ACCEPT 101"],
  [
    "E-83c",
    "the accept twice",
    replaced(/(Sec-WebSocket-Accept.*\r\n)/, "$1$1"),
    "BAD_SEC_ACCEPT 101",
  ],
  [
    "E-84a",
    "an accept with more padding",
    replaced(/=\r\n\r\n/, "==\r\n\r\n"),
    "BAD_SEC_ACCEPT 101",
  ],
  ["E-84b", "an accept without padding", replaced(/=\r\n\r\n/, "\r\n\r\n"), "BAD_SEC_ACCEPT 101"],
  ["E-85a", "no Upgrade", replaced("Upgrade: websocket\r\n", ""), "BAD_UPGRADE 101"],
  ["E-85b", "another Upgrade", replaced("websocket", "h2c"), "BAD_UPGRADE 101"],
  ["E-85c", "no Connection", replaced("Connection: Upgrade\r\n", ""), "BAD_CONNECTION 101"],
  [
    "E-85d",
    "another Connection",
    replaced("Connection: Upgrade", "Connection: close"),
    "BAD_CONNECTION 101",
  ],
  [
    "E-86",
    "a list of connection options",
    replaced("Connection: ", "Connection: keep-alive, "),
    "open",
  ],
  [
    "E-87a",
    "a subprotocol not offered",
    withLines("Sec-WebSocket-Protocol: c"),
    "BAD_SUBPROTOCOL 101",
  ],
  [
    "E-87b",
    "two subprotocols",
    withLines("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"),
    "BAD_SUBPROTOCOL 101",
  ],
  ["E-87c", "no subprotocol of those offered", right, "open"],
  [
    "E-88a",
    "an extension not offered",
    withLines("Sec-WebSocket-Extensions: w"),
    "BAD_EXTENSIONS 101",
  ],
  [
    "E-88b",
    "an extension twice",
    withLines("Sec-WebSocket-Extensions: x, x"),
    "BAD_EXTENSIONS 101",
  ],
  [
    "E-88c",
    "extensions that are none",
    withLines("Sec-WebSocket-Extensions: x; =;"),
    "BAD_EXTENSIONS 101",
  ],
  [
    "E-89a",
    "100 and 103 before 101",
    behind("HTTP/1.1 100\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n"),
    "open",
  ],
  [
    "E-89b",
    "100 for ever",
    Array<Uint8Array>(99).fill(latin1Bytes("HTTP/1.1 100\r\n\r\n")),
    malformed,
  ],
  ["E-90a", "HTTP/1.0", replaced("HTTP/1.1", "HTTP/1.0"), "BAD_PROTOCOL 101"],
  ["E-90b", "HTTP/2.0", replaced("HTTP/1.1", "HTTP/2.0"), "BAD_PROTOCOL 101"],
  ["E-90c", "no reason", replaced(" Switching Protocols", ""), "open"],
  ["E-90d", "LF for CRLF", replaced(/\r\n/g, "\n"), malformed],
  ["E-90e", "a status line without an end", [latin1Bytes(`HTTP/1.1 101 ${huge}`)], malformed],
  ["E-90f", "a header without an end", [latin1Bytes(`HTTP/1.1 101\r\nA: ${huge}`)], malformed],
  [
    "E-90g",
    "more headers than anybody sends",
    [latin1Bytes(`HTTP/1.1 101\r\n${"A:\r\n".repeat(129)}`)],
    malformed,
  ],
  ["E-90h", "something that is no HTTP", [latin1Bytes("SSH-2.0-OpenSSH_9\r\n")], malformed],
  ["B-19", "a folded line", withLines("A: b", " c"), malformed],
  ["B-20", "a blank before a colon", withLines("A : b"), malformed],
  ["B-24", "a NUL in a value", withLines("A: \0"), malformed],
  [
    "B-33",
    "headers named as parts of objects",
    withLines("__proto__: a", "constructor: b"),
    "open",
  ],
  [
    "E-92",
    "frames in one packet with the answer",
    (request) => [answerTo(request), latin1Bytes("\x81\0")],
    "open",
  ],
];

function byteByByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

function offering(conn: ByteStream, options: DialerOptions = {}): Dialer {
  const extensions = [{ name: "x", parameters: [] }];
  return new Dialer({ protocols: ["a", "b"], extensions, netDial: () => conn, ...options });
}

describe("Dialer.dial() of a hostile server", () => {
  it.each(rows)("%s %s", async (_id, _what, script, outcome) => {
    for (const cut of [false, true]) {
      const pieces: Script = (request) => {
        const whole = typeof script === "function" ? script(request) : script;
        return cut ? whole.flatMap(byteByByte) : whole;
      };
      const conn = new ScriptedStream(pieces, "end");
      const { value, error } = await settled(offering(conn).dial("ws://a.example"));
      const failure = error instanceof DialError ? `${error.code} ${error.status}` : error;
      expect(value === undefined ? failure : "open").toBe(outcome);
      expect(conn.closes).toBe(outcome === "open" ? 0 : 1);
    }
  });

  it.each<
    [id: string, what: string, pieces: Uint8Array[], ending: Ending, code: string | undefined]
  >([
    ["E-93a", "ends before its answer", [], "end", "UNEXPECTED_END"],
    ["E-93b", "ends inside its answer", [latin1Bytes("HTTP/1.1 101")], "end", "UNEXPECTED_END"],
    [
      "E-93c",
      "resets inside its answer",
      [latin1Bytes("HTTP")],
      new TransportError("RESET"),
      "RESET",
    ],
  ])("%s that %s", async (_id, _what, pieces, ending, code) => {
    const conn = new ScriptedStream(pieces, ending);
    const { error } = await settled(offering(conn).dial("ws://a.example"));
    expect(error).toMatchObject({ name: "TransportError", code });
    expect(conn.closes).toBe(1);
  });

  it("E-93d that ends behind its answer: the stream is there, then its end", async () => {
    const stream = await offering(new ScriptedStream(right, "end")).dial("ws://a.example");
    expect(await stream.read(new Uint8Array(1))).toBe(0);
  });

  it("E-96 that redirects: nobody is dialed but the server", async () => {
    const netDial = vi.fn(
      () => new ScriptedStream(page(302, "", "Location: ws://evil.example/"), "end"),
    );
    await settled(new Dialer({ netDial, header: [["Cookie", "a"]] }).dial("ws://a.example"));
    expect(netDial.mock.calls.length).toBe(1);
  });

  it("E-94 of no URL: nobody is dialed", async () => {
    const netDial = vi.fn();
    const urls = ["ws://a\r\nb", "ws://me@a", "ws://a/#x", "http://a", "ws://a:0", "ws://a:65536"];
    for (const url of urls)
      await expect(new Dialer({ netDial }).dial(url)).rejects.toThrow(TypeError);
    expect(netDial.mock.calls).toEqual([]);
  });
});

describe("Dialer.dial() that is given up (E-91)", () => {
  const timedOut = { name: "TimeoutError", code: "DIAL_TIMEOUT", limit: 30_000 };

  it("fails when time is up while it connects, and closes what comes later", async () => {
    const { clock, deadlines } = network();
    const connected = newDeferred<ByteStream>();
    const result = settled(
      new Dialer({ deadlines, netDial: () => connected.promise }).dial("ws://a"),
    );
    clock.advance(30_100);
    expect(await result).toMatchObject({ error: timedOut });
    const late = new ScriptedStream();
    connected.resolve(late);
    await macrotask();
    expect([late.closes, late.text, clock.running]).toEqual([1, "", 0]);
  });

  it("counts the time of connecting and of the handshake together", async () => {
    const { clock, deadlines, stream, remote } = network();
    const netDial = (): ByteStream => {
      clock.advance(20_000);
      return stream;
    };
    const result = settled(new Dialer({ deadlines, netDial }).dial("ws://a"));
    await macrotask();
    clock.advance(10_100);
    expect(await result).toMatchObject({ error: timedOut });
    await macrotask();
    expect([remote.hasEnded, clock.running]).toEqual([true, 0]);
  });

  it("fails with the signal's reason before it connects", async () => {
    const netDial = vi.fn();
    const dialing = new Dialer({ netDial }).dial("ws://a", { signal: AbortSignal.abort("no") });
    expect(await settled(dialing)).toEqual({ error: "no" });
    expect(netDial.mock.calls).toEqual([]);
  });

  it("fails with the signal's reason while it connects, and passes the abort on", async () => {
    const controller = new AbortController();
    const netDial = ({ signal }: NetDialOptions): Promise<never> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reject(new TransportError("FAILED"));
        });
      });
    const dialer = new Dialer({ netDial });
    const result = settled(dialer.dial("ws://a", { signal: controller.signal }));
    controller.abort("enough");
    expect(await result).toEqual({ error: "enough" });
  });

  it.each([
    ["before the answer", []],
    ["inside the answer", [latin1Bytes("HTTP/1.1 1")]],
    ["inside a refusal's body", [latin1Bytes("HTTP/1.1 404\r\n\r\nx")]],
  ])("fails with the signal's reason %s", async (_, pieces) => {
    const controller = new AbortController();
    const conn = new ScriptedStream(pieces);
    const onStatusError = vi.fn();
    const dialer = new Dialer({ netDial: () => conn, onStatusError });
    const result = settled(dialer.dial("ws://a", { signal: controller.signal }));
    await macrotask();
    controller.abort("enough");
    expect(await result).toEqual({ error: "enough" });
    await macrotask();
    expect([conn.closes, onStatusError.mock.calls]).toEqual([1, []]);
  });

  it.each([
    ["tlsClient", [1, 1]],
    ["wrapConn", [1, 1]],
    ["onHeader", [1, 0]],
  ] as const)("closes %s's streams, and asks nothing more, inside it", async (name, closes) => {
    const controller = new AbortController();
    const conn = new ScriptedStream((request) => [answerTo(request, "A: b", "C: d")]);
    const made = new ScriptedStream(right);
    const answer = newDeferred<ByteStream>();
    const asked = vi.fn(() => answer.promise);
    const dialer = new Dialer({
      netDial: () => conn,
      tlsClient: (stream) => stream,
      [name]: asked,
    });
    const result = settled(dialer.dial("wss://a", { signal: controller.signal }));
    await macrotask();
    controller.abort("enough");
    expect(await result).toEqual({ error: "enough" });
    answer.resolve(made);
    await macrotask();
    expect([conn.closes, made.closes]).toEqual(closes);
    expect([conn.written.length, made.text]).toEqual([name === "onHeader" ? 1 : 0, ""]);
    expect(asked.mock.calls.length).toBe(1);
  });

  it("has no say once the stream is there", async () => {
    const controller = new AbortController();
    const { deadlines, clock } = network();
    const conn = new ScriptedStream(right);
    const dialer = new Dialer({ netDial: () => conn, deadlines });
    await dialer.dial("ws://a", { signal: controller.signal });
    controller.abort();
    clock.advance(100_000);
    expect([conn.closes, clock.running]).toEqual([0, 0]);
  });

  it("gives a stream or closes it, in whichever turn the signal is aborted", async () => {
    const outcomes = new Set<boolean>();
    for (let turns = 0; turns < 40; turns++) {
      const controller = new AbortController();
      const conn = new ScriptedStream(right);
      const dialing = new Dialer({ netDial: () => conn }).dial("ws://a", controller);
      const result = settled(dialing);
      for (let turn = 0; turn < turns; turn++) await undefined;
      controller.abort("enough");
      const isOpen = (await result).value !== undefined;
      await macrotask();
      expect(conn.closes).toBe(isOpen ? 0 : 1);
      outcomes.add(isOpen);
    }
    expect(outcomes.size).toBe(2);
  });
});
