import { describe, expect, it, vi } from "vitest";
import { newDeferred } from "../../src/deferred.ts";
import { TransportError } from "../../src/errors.ts";
import type { DialerOptions, NetDialOptions } from "../../src/handshake/client/dial-options.ts";
import { Dialer } from "../../src/handshake/client/dialer.ts";
import type { ByteStream } from "../../src/io/byte-stream.ts";
import {
  answerTo,
  type Ending,
  latin1Bytes,
  network,
  type Script,
  ScriptedStream,
  settled,
} from "../handshake/streams.ts";
import { macrotask } from "../support/turns.ts";

/** Rows of section E of the battery that need more than bytes: time, signals, URLs. */

const right: Script = (request) => [answerTo(request)];
const page = (status: number, body: string, ...headers: readonly string[]): Script => [
  latin1Bytes([`HTTP/1.1 ${status} X`, ...headers, "", body].join("\r\n")),
];

function offering(conn: ByteStream, options: DialerOptions = {}): Dialer {
  const extensions = [{ name: "x", parameters: [] }];
  return new Dialer({ protocols: ["a", "b"], extensions, netDial: () => conn, ...options });
}

describe("a client: Dialer.dial() of a hostile server", () => {
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

  const setByUs = ["Host", "upgrade", "Connection", "Sec-WebSocket-Key", "SEC-WEBSOCKET-VERSION"];
  it.each<[string, DialerOptions]>([
    ...setByUs.map((name): [string, DialerOptions] => [name, { header: [[name, "a"]] }]),
    ["Sec-WebSocket-Protocol", { header: [["Sec-WebSocket-Protocol", "a"]] }],
    ["Sec-WebSocket-Extensions", { header: [["Sec-WebSocket-Extensions", "a"]] }],
    ["CRLF in a value", { header: [["X-A", "a\r\nX-Injected: b"]] }],
    ["LF in a value", { header: [["X-A", "a\nb"]] }],
    ["NUL in a value", { header: [["X-A", "a\0"]] }],
    ["CRLF in a name", { header: [["X-A: b\r\nX", "a"]] }],
    ["an empty name", { header: [["", "a"]] }],
    ["CRLF in the host", { host: "a\r\nX-Injected: b" }],
    ["CRLF in a subprotocol", { protocols: ["a\r\nX-Injected: b"] }],
  ])("E-95 that is to get %s: TypeError, and nobody is dialed", async (_, options) => {
    const netDial = vi.fn();
    const dialing = (async () => new Dialer({ netDial, ...options }).dial("ws://a.example"))();
    await expect(dialing).rejects.toThrow(TypeError);
    expect(netDial.mock.calls).toEqual([]);
  });

  it("E-94 of no URL: nobody is dialed", async () => {
    const netDial = vi.fn();
    const urls = [
      ...["ws://a\r\nb", "ws://a b", "ws://me@a", "ws://me:secret@a", "ws://a/#x", "ws://a/#"],
      ...["http://a", "ftp://a", "a.example", "ws://", "ws://a:0", "ws://a:65536", "ws://[::1"],
    ];
    for (const url of urls)
      await expect(new Dialer({ netDial }).dial(url)).rejects.toThrow(TypeError);
    expect(netDial.mock.calls).toEqual([]);
  });
});

describe("a client: Dialer.dial() that is given up (E-91)", () => {
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
