import { describe, expect, it, vi } from "vitest";
import { concat } from "../../../src/bytes.ts";
import { Deadlines } from "../../../src/clock.ts";
import { HandshakeError, LimitError, TimeoutError, TransportError } from "../../../src/errors.ts";
import { StateExtended, StateServerSide } from "../../../src/frame/check.ts";
import { type Peer, PeerFinder } from "../../../src/handshake/server/peer.ts";
import { rejectConnection } from "../../../src/handshake/server/reject.ts";
import { checkRequest, checkUpgrade } from "../../../src/handshake/server/request.ts";
import { writeUpgrade } from "../../../src/handshake/server/response.ts";
import type { UpgradedStream } from "../../../src/handshake/upgraded-stream.ts";
import { upgrade, Upgrader, type UpgraderOptions } from "../../../src/handshake/server/upgrader.ts";
import type { Option } from "../../../src/http/option.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { BufferedStream } from "../../../src/io/buffered.ts";
import type { ByteStream } from "../../../src/io/byte-stream.ts";
import { cuts } from "../../support/cuts.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { counted, text, toHex } from "../../support/frames.ts";
import { ShiftExtension } from "../../support/shift-extension.ts";
import { macrotask } from "../../support/turns.ts";
import { undated } from "../../support/undated.ts";
import {
  misspacedExtensions,
  spacedExtensions,
  latin1Bytes,
  requestFor,
  ScriptedStream,
  settled,
  switching,
  textOf,
} from "../streams.ts";

interface Outcome<Context> {
  readonly stream?: UpgradedStream<Context> | undefined;
  readonly error?: unknown;
  /** The lines of what was answered. */
  readonly answer: string[];
  readonly conn: ScriptedStream;
}

/** Upgrades a client that sends pieces, and then waits. */
async function upgraded<Context = undefined>(
  options: UpgraderOptions<Context>,
  ...pieces: readonly Uint8Array[]
): Promise<Outcome<Context>> {
  const conn = new ScriptedStream(pieces);
  const { value: stream, error } = await settled(new Upgrader(options).upgrade(conn));
  return { stream, error, answer: conn.text.split("\r\n"), conn };
}

const plain = requestFor("/");

function refusal(status: string, body: string, ...headers: readonly string[]): string[] {
  const framing = ["Connection: close", `Content-Length: ${body.length}`];
  return [`HTTP/1.1 ${status}`, ...framing, ...headers, "", body];
}

const plainText = "Content-Type: text/plain; charset=utf-8";
const internal = refusal("500 Internal Server Error", "Internal error\n", plainText);

async function readText(stream: UpgradedStream<unknown>, length: number): Promise<string> {
  const parts: Uint8Array[] = [];
  for (let left = length; left > 0;) {
    const into = new Uint8Array(left);
    const count = (await stream.read(into)) ?? 0;
    if (count === 0) break;
    parts.push(into.subarray(0, count));
    left -= count;
  }
  return textOf(...parts);
}

describe("Upgrader.upgrade()", () => {
  it("answers a plain request with 101, and gives a stream of the server's side", async () => {
    const { stream, answer, conn } = await upgraded({}, plain);
    expect(answer).toEqual([...switching, "", ""]);
    expect(stream).toMatchObject({ protocol: "", extensions: [], context: undefined });
    expect([stream?.state, stream?.buffered, conn.closes]).toEqual([StateServerSide, 0, 0]);
  });

  it("answers what the callbacks chose, and carries it with the context", async () => {
    const { stream, answer } = await upgraded(
      {
        newContext: () => ({ user: "", target: "" }),
        onRequest(target, context) {
          context.target = textOf(target);
        },
        onHeader(name, value, context) {
          if (textOf(name) === "Cookie") context.user = textOf(value);
        },
        protocol: (name) => textOf(name) === "b",
        negotiate: ({ name }) => ({ name, parameters: [["x", "1"]] }),
        onBeforeUpgrade: ({ user }) => Promise.resolve([["X-User", user]]),
        header: [["Server", "framewire"]],
      },
      requestFor(
        "/chat?x",
        "cookie: me",
        "Sec-WebSocket-Protocol: a, b",
        "Sec-WebSocket-Extensions: e",
      ),
    );
    expect(answer).toEqual([
      ...switching,
      "Sec-WebSocket-Protocol: b",
      "Sec-WebSocket-Extensions: e; x=1",
      "Server: framewire",
      "X-User: me",
      "",
      "",
    ]);
    expect(stream).toMatchObject({
      protocol: "b",
      extensions: [{ name: "e", parameters: [["x", "1"]] }],
      context: { user: "me", target: "/chat?x" },
      state: StateServerSide | StateExtended,
    });
  });

  it("makes a context for each request, even for two at the same time", async () => {
    const upgrader = new Upgrader({
      newContext: () => [] as string[],
      async onRequest(target, context) {
        await macrotask();
        context.push(textOf(target));
      },
    });
    const targets = ["/a", "/b"];
    const streams = await Promise.all(
      targets.map((target) => upgrader.upgrade(new ScriptedStream([requestFor(target)]))),
    );
    expect(streams.map(({ context }) => context)).toEqual([["/a"], ["/b"]]);
  });

  it("asks callbacks only about requests that passed the checks", async () => {
    const onRequest = vi.fn();
    const newContext = vi.fn();
    const { error, answer } = await upgraded(
      { onRequest, newContext },
      requestFor("/", "Sec-WebSocket-Version: 13"),
    );
    expect(error).toMatchObject({ code: "BAD_SEC_VERSION" });
    expect(answer[0]).toBe("HTTP/1.1 400 Bad Request");
    expect([onRequest.mock.calls, newContext.mock.calls]).toEqual([[], []]);
  });

  it("does the same at every cut of the request, and leaves frames after it to the stream", async () => {
    const request = requestFor("/chat", "X-A: b", "Sec-WebSocket-Protocol: a");
    const frames = text("Hello", { masked: true });
    for (const readBufferSize of [16, 4096]) {
      for (const pieces of cuts(concat([request, frames]))) {
        const lines: string[] = [];
        const { stream, answer } = await upgraded(
          {
            readBufferSize,
            onRequest: (target) => void lines.push(textOf(target)),
            onHeader: (name, value) => void lines.push(textOf(name, value)),
            protocol: () => true,
          },
          ...pieces,
        );
        expect(answer).toEqual([...switching, "Sec-WebSocket-Protocol: a", "", ""]);
        expect(lines).toEqual(["/chat", "X-Ab"]);
        expect(await readText(stream!, frames.length)).toBe(textOf(frames));
      }
    }
  });

  it("loses no bytes after the request, even more than a buffer of them", async () => {
    const behind = counted(10_000);
    const { stream } = await upgraded({ readBufferSize: 64 }, concat([plain, behind]));
    expect(toHex(latin1Bytes(await readText(stream!, 10_000)))).toBe(toHex(behind));
  });

  it("uses bytes at hand of a buffered stream, and goes on with its buffer", async () => {
    const conn = new BufferedStream(new ScriptedStream([plain.slice(0, 40), plain.slice(40)]));
    await conn.fill();
    const stream = await upgrade(conn);
    expect(stream.bytes).toBe(conn.bytes);
  });

  it("has the buffer's size from its options", async () => {
    const { stream } = await upgraded({ readBufferSize: 100 }, plain);
    expect(stream?.bytes.length).toBe(100);
  });
});

describe("Upgrader.upgrade() and time", () => {
  it("refuses a request that takes longer than its timeout", async () => {
    const clock = new FakeClock();
    const conn = new ScriptedStream([plain.slice(0, 20)]);
    const upgrader = new Upgrader({ timeout: 1000, deadlines: new Deadlines(clock) });
    const failed = settled(upgrader.upgrade(conn));
    await macrotask();
    clock.advance(900);
    await macrotask();
    expect(conn.text).toBe("");
    clock.advance(200);
    expect((await failed).error).toMatchObject({ name: "TimeoutError", code: "HANDSHAKE_TIMEOUT" });
    expect(conn.text.split("\r\n")[0]).toBe("HTTP/1.1 408 Request Timeout");
    expect(clock.running).toBe(0);
  });

  it("waits two seconds for a refusal to be taken", async () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const after = vi.spyOn(deadlines, "after");
    const inner = new ScriptedStream([latin1Bytes("\0")]);
    const conn: ByteStream = {
      read: (into) => inner.read(into),
      write: () => new Promise(() => {}),
      close() {},
    };
    const failed = settled(new Upgrader({ deadlines }).upgrade(conn));
    await macrotask();
    expect(after.mock.calls.map(([time]) => time)).toEqual([10_000, 2000]);
    clock.advance(2100);
    expect((await failed).error).toMatchObject({ code: "MALFORMED_REQUEST" });
  });

  it.each([
    ["is there", plain],
    ["is refused", latin1Bytes("\0")],
  ])("has no timer running once the stream %s", async (_, request) => {
    const clock = new FakeClock();
    await upgraded({ deadlines: new Deadlines(clock) }, request);
    expect(clock.running).toBe(0);
  });
});

function refusing(error: unknown): UpgraderOptions<undefined> {
  return {
    onHost() {
      throw error;
    },
  };
}

describe("Upgrader.upgrade() with extensions of its own", () => {
  const offers = "Sec-WebSocket-Extensions: x-other, x-shift; by=9, x-shift; by=1, x-two; by=2";

  it("agrees to what they accept, and gives their sessions to the stream", async () => {
    const one = new ShiftExtension();
    const two = new ShiftExtension({ name: "x-two", rsv: 1, by: 2 });
    const { stream, answer } = await upgraded(
      { extensions: [two, one], negotiate: ({ name }) => ({ name, parameters: [] }) },
      requestFor("/", offers),
    );
    expect(answer[4]).toBe("Sec-WebSocket-Extensions: x-other, x-shift; by=1, x-two; by=2");
    expect(stream!.extensions.map(({ name }) => name)).toEqual(["x-other", "x-shift", "x-two"]);
    expect([stream!.recvExtensions.length, stream!.sendExtensions.length]).toEqual([2, 2]);
    expect([one.opened, one.closed]).toEqual([1, 0]);
    await stream!.close();
    expect([one.closed, two.closed]).toEqual([1, 1]);
  });

  it("agrees to none if none is offered, nor to unknown ones", async () => {
    const extension = new ShiftExtension();
    const { answer } = await upgraded({ extensions: [extension] }, plain);
    expect(answer).toEqual([...switching, "", ""]);
    const other = requestFor("/", "Sec-WebSocket-Extensions: x-other");
    expect((await upgraded({ extensions: [extension] }, other)).answer).toEqual(answer);
    expect(extension.opened).toBe(0);
  });

  it("closes what it has opened if the answer cannot be written", async () => {
    const extension = new ShiftExtension();
    const conn = new ScriptedStream([requestFor("/", offers)]);
    conn.write = () => {
      throw new TransportError("RESET");
    };
    const { error } = await settled(new Upgrader({ extensions: [extension] }).upgrade(conn));
    expect(error).toMatchObject({ code: "RESET" });
    expect([extension.opened, extension.closed]).toEqual([1, 1]);
  });
});

describe("Upgrader.upgrade() of a request that is refused", () => {
  it("answers what rejectConnection says, between the headers of every answer", async () => {
    const thrown = rejectConnection({
      status: 401,
      headers: [["WWW-Authenticate", "Basic"]],
      message: "Who?",
    });
    const options = { ...refusing(thrown), header: [["A", "b"]] as const };
    const { error, answer, conn } = await upgraded(options, plain);
    expect(error).toBe(thrown);
    const headers = [plainText, "A: b", "WWW-Authenticate: Basic"];
    expect(undated(answer)).toEqual(refusal("401 Unauthorized", "Who?\n", ...headers));
    expect(conn.closes).toBe(1);
  });

  it("sends a body instead of the message", async () => {
    const headers = [["Content-Type", "application/json"]] as const;
    const onBeforeUpgrade = (): Promise<never> =>
      Promise.reject(rejectConnection({ headers, body: "{}" }));
    const { answer } = await upgraded({ onBeforeUpgrade }, plain);
    expect(undated(answer)).toEqual(
      refusal("403 Forbidden", "{}", "Content-Type: application/json"),
    );
  });

  it.each<[what: string, options: UpgraderOptions<undefined>]>([
    ["an error in onRequest", { onRequest: () => Promise.reject(new Error("password")) }],
    [
      "an error in newContext",
      {
        newContext() {
          throw new Error("password");
        },
      },
    ],
    ["headers that may not be sent", { onBeforeUpgrade: () => [["A", "password\r\n"]] }],
    ["headers of the handshake's own", { onBeforeUpgrade: () => [["Upgrade", "password"]] }],
    ["a subprotocol not offered", { protocolCustom: () => "password" }],
    ["an extension not offered", { negotiate: () => ({ name: "password", parameters: [] }) }],
    ["a refusal that may not be sent", refusing(new HandshakeError("REJECTED", { status: 99 }))],
    ["a limit of another thing", refusing(new LimitError("MESSAGE_TOO_BIG", 1, 2))],
    ["another connection's failure", refusing(new TransportError("REFUSED"))],
    ["a timeout of another thing", refusing(new TimeoutError("DIAL_TIMEOUT", 1))],
  ])("shows nothing of %s", async (_, options) => {
    const request = requestFor("/", "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: e");
    const { error, answer } = await upgraded(options, request);
    expect(error).toBeInstanceOf(Error);
    expect(undated(answer)).toEqual(internal);
  });

  it.each<[what: string, request: string, status: string, code: string]>([
    ["a bad byte", "GET /\0", "400 Bad Request", "MALFORMED_REQUEST"],
    ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "505 HTTP Version Not Supported", "BAD_PROTOCOL"],
    ["POST", "POST / HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "BAD_METHOD"],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "BAD_HOST"],
    ["a page", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "426 Upgrade Required", "BAD_UPGRADE"],
  ])(
    "answers %s with its status and the headers of every answer",
    async (_, bytes, status, code) => {
      const { error, answer } = await upgraded({ header: [["A", "b"]] }, latin1Bytes(bytes));
      expect(error).toMatchObject({ name: "HandshakeError", code });
      expect(answer[0]).toBe(`HTTP/1.1 ${status}`);
      expect(answer).toContain("A: b");
    },
  );

  it("gives no body to HEAD", async () => {
    const { answer } = await upgraded({}, latin1Bytes("HEAD / HTTP/1.1\r\n\r\n"));
    expect([answer[0], ...answer.slice(-2)]).toEqual(["HTTP/1.1 405 Method Not Allowed", "", ""]);
  });

  it.each([
    ["TARGET_TOO_LONG", "414 URI Too Long", `GET /${"x".repeat(8192)}`],
    [
      "HEAD_TOO_LARGE",
      "431 Request Header Fields Too Large",
      `GET / HTTP/1.1\r\nA: ${"x".repeat(16384)}`,
    ],
    [
      "TOO_MANY_HEADERS",
      "431 Request Header Fields Too Large",
      `GET / HTTP/1.1\r\n${"A:\r\n".repeat(129)}`,
    ],
  ])("answers %s with %s", async (code, status, request) => {
    const { error, answer } = await upgraded({}, latin1Bytes(request));
    expect(error).toMatchObject({ name: "LimitError", code });
    expect(answer[0]).toBe(`HTTP/1.1 ${status}`);
  });

  it("has its limits from its options", async () => {
    const { error } = await upgraded({ headLimits: { maxHeaders: 4 } }, plain);
    expect(error).toMatchObject({ code: "TOO_MANY_HEADERS", limit: 4 });
    expect((await upgraded({ headLimits: { maxHeaders: 5 } }, plain)).error).toBeUndefined();
  });

  it.each(["maxHeadSize", "maxHeaders"])(
    "reads a %s of 0 or Infinity as no limit",
    async (name) => {
      const extra = `X-Extra: ${"x".repeat(100)}\r\n`.repeat(500);
      const long = concat([plain.subarray(0, -2), latin1Bytes(`${extra}\r\n`)]);
      const noLimits = { maxHeadSize: Infinity, maxHeaders: Infinity };
      const byDefault = { ...noLimits, [name]: undefined };
      expect((await upgraded({ headLimits: byDefault }, long)).error).toBeDefined();
      for (const limit of [0, Infinity]) {
        const none = { ...noLimits, [name]: limit };
        expect((await upgraded({ headLimits: none }, long)).error).toBeUndefined();
      }
    },
  );

  it("refuses malformed extensions only if somebody asks for them", async () => {
    const request = requestFor("/", "Sec-WebSocket-Extensions: a;");
    expect((await upgraded({ onHost() {} }, request)).error).toBeUndefined();
    const { error, answer } = await upgraded({ negotiate: () => undefined }, request);
    expect(error).toMatchObject({ code: "MALFORMED_REQUEST" });
    expect(answer[0]).toBe("HTTP/1.1 400 Bad Request");
  });

  it.each(spacedExtensions)(
    "accepts extensions with blanks around separators: %j",
    async (value) => {
      const seen: Option[] = [];
      const negotiate = (offer: Option): Option => {
        seen.push(offer);
        return offer;
      };
      const request = requestFor("/", `Sec-WebSocket-Extensions: ${value}`);
      const { stream, answer } = await upgraded({ negotiate }, request);
      expect(seen).toEqual([{ name: "x", parameters: [["y", "12"]] }]);
      expect(stream?.extensions).toEqual(seen);
      expect(answer).toContain("Sec-WebSocket-Extensions: x; y=12");
    },
  );

  it.each(misspacedExtensions)("refuses extensions with blanks elsewhere: %j", async (value) => {
    const request = requestFor("/", `Sec-WebSocket-Extensions: ${value}`);
    const { error } = await upgraded({ negotiate: (offer) => offer }, request);
    expect(error).toMatchObject({ code: "MALFORMED_REQUEST", status: 400 });
  });

  it("answers nothing if the stream ends inside the head", async () => {
    for (let length = 0; length < plain.length; length += 13) {
      const conn = new ScriptedStream([plain.slice(0, length)], "end");
      const { error } = await settled(upgrade(conn));
      expect(error).toMatchObject({ name: "TransportError", code: "UNEXPECTED_END" });
      expect([conn.text, conn.closes]).toEqual(["", 1]);
    }
  });

  it.each([new TransportError("RESET"), new Error("ECONNRESET")])(
    "answers nothing if the stream breaks: %s",
    async (broken) => {
      const conn = new ScriptedStream([plain.slice(0, 9)], broken);
      expect(await settled(upgrade(conn))).toEqual({ error: broken });
      expect([conn.text, conn.closes]).toEqual(["", 1]);
    },
  );

  it("throws the refusal, not the error of an answer that cannot be written", async () => {
    const conn = new ScriptedStream([latin1Bytes("\0")]);
    conn.write = () => {
      throw new Error("EPIPE");
    };
    await expect(upgrade(conn)).rejects.toMatchObject({ code: "MALFORMED_REQUEST" });
  });

  it("answers nothing after a 101 that could not be written whole", async () => {
    const conn = new ScriptedStream([plain]);
    const write = conn.write.bind(conn);
    conn.write = (from) => {
      if (conn.written.length > 0) throw new Error("EPIPE");
      return write(from.subarray(0, 9));
    };
    await expect(upgrade(conn)).rejects.toThrow("EPIPE");
    expect(conn.text).toBe("HTTP/1.1 ");
  });
});

/** Counts the strings that `act` makes of bytes; restored by hand, since Bun does not restore spies on globals. */
async function stringsMadeBy(act: () => unknown): Promise<number> {
  const { fromCharCode } = String;
  const { decode } = TextDecoder.prototype;
  let count = 0;
  String.fromCharCode = (...units) => {
    count++;
    return fromCharCode(...units);
  };
  TextDecoder.prototype.decode = function (...given) {
    count++;
    return decode.apply(this, given);
  };
  try {
    await act();
  } finally {
    String.fromCharCode = fromCharCode;
    TextDecoder.prototype.decode = decode;
  }
  return count;
}

describe("Upgrader", () => {
  it.each([["Connection"], ["a b"], ["Content-Length"]])(
    "refuses the header %j to begin with",
    (name) => {
      expect(() => new Upgrader({ header: [[name, "x"]] })).toThrow(TypeError);
    },
  );

  const request = requestFor(
    "/chat",
    "Cookie: a",
    "Sec-WebSocket-Protocol: a, b",
    "Sec-WebSocket-Extensions: e",
  );

  it("makes no string of a header that no callback asked for", async () => {
    const conn = new ScriptedStream([request]);
    expect(await stringsMadeBy(() => upgrade(conn))).toBe(0);
    const callbacks = { onHeader() {}, onHost() {}, onRequest() {}, protocol: () => false };
    const other = new ScriptedStream([request]);
    expect(await stringsMadeBy(() => new Upgrader(callbacks).upgrade(other))).toBe(0);
    expect(await stringsMadeBy(() => textOf(request))).toBeGreaterThan(0);
  });

  it("makes no string in the pure checks either", async () => {
    const made = await stringsMadeBy(() => {
      const parser = new HeadParser("request");
      parser.feed(request);
      checkRequest(parser.head);
      checkUpgrade(parser.head);
      return writeUpgrade(parser.head, []);
    });
    expect(made).toBe(0);
  });
});

describe("new Upgrader()", () => {
  it.each([NaN, -1])("refuses a time-out of %d", (timeout) => {
    expect(() => new Upgrader({ timeout })).toThrow(RangeError);
  });
});

/** A stream that tells who is connected. */
class KnownStream extends ScriptedStream {
  readonly remotePort = 4711;
  readonly encrypted = true;

  readonly remoteAddress: string | undefined;

  constructor(request: Uint8Array, remoteAddress: string | undefined) {
    super([request]);
    this.remoteAddress = remoteAddress;
  }
}

describe("the peer of an Upgrader", () => {
  const direct = {
    address: "10.0.0.1",
    port: 4711,
    encrypted: true,
    host: "a.example",
    proxied: undefined,
  };
  const forwarded = requestFor("/", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: http");

  it("is the stream's own, whatever the headers say", async () => {
    const told: Peer[] = [];
    const upgrader = new Upgrader({ onPeer: (peer) => void told.push(peer) });
    const stream = await upgrader.upgrade(new KnownStream(forwarded, "10.0.0.1"));
    await upgrader.upgrade(new ScriptedStream([forwarded]));
    const unknown = { address: undefined, port: undefined, encrypted: false };
    expect(told).toEqual([direct, { ...direct, ...unknown }]);
    expect(stream.peer).toBe(told[0]);
  });

  it("is not looked for if nobody asks", async () => {
    expect((await upgrade(new KnownStream(forwarded, "10.0.0.1"))).peer).toBeUndefined();
  });

  it.each([
    ["a proxy that is trusted", "10.0.0.1", "203.0.113.7"],
    ["a stranger", "10.0.0.2", "10.0.0.2"],
    ["a Unix socket that nobody trusts", undefined, undefined],
  ])("is the client behind proxies that are trusted: %s", async (_, socket, address) => {
    const peers = new PeerFinder({ trustProxy: ["10.0.0.1"] });
    const stream = await new Upgrader({ peers }).upgrade(new KnownStream(forwarded, socket));
    expect(stream.peer?.address).toBe(address);
  });

  it("is found below a buffer, too", async () => {
    const peers = new PeerFinder({ trustProxy: 1 });
    const buffered = new BufferedStream(new KnownStream(forwarded, "10.0.0.1"));
    expect((await new Upgrader({ peers }).upgrade(buffered)).peer?.encrypted).toBe(false);
  });

  it("is passed to onPeer first, which may wait and refuse", async () => {
    const lines: string[] = [];
    const upgrader = new Upgrader({
      newContext: () => lines,
      async onPeer({ address, host }, context) {
        await macrotask();
        context.push(`${address} ${host}`);
        if (address === "10.0.0.2") throw rejectConnection({ status: 403 });
      },
      onRequest: (target, context) => void context.push(textOf(target)),
    });
    await upgrader.upgrade(new KnownStream(plain, "10.0.0.1"));
    const banned = new KnownStream(plain, "10.0.0.2");
    await expect(upgrader.upgrade(banned)).rejects.toMatchObject({ status: 403 });
    expect(banned.text).toMatch(/^HTTP\/1.1 403 /);
    expect(lines).toEqual(["10.0.0.1 a.example", "/", "10.0.0.2 a.example"]);
  });

  it("is the only question if onPeer takes too long", async () => {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const asked: string[] = [];
    const upgrading = new Upgrader({
      deadlines,
      timeout: 1000,
      onPeer: () => new Promise<void>((resolve) => deadlines.after(2000, () => void resolve())),
      onRequest: () => void asked.push("onRequest"),
    }).upgrade(new KnownStream(plain, "10.0.0.1"));
    const outcome = settled(upgrading);
    await macrotask();
    clock.advance(1500);
    expect((await outcome).error).toMatchObject({ code: "HANDSHAKE_TIMEOUT" });
    clock.advance(1500);
    await macrotask();
    expect(asked).toEqual([]);
  });

  it("is refused with 400 if a trusted proxy's header is malformed, and with 500 if the function throws", async () => {
    const nonsense = new KnownStream(requestFor("/", "Forwarded: for"), "10.0.0.1");
    const trusting = new Upgrader({ peers: new PeerFinder({ trustProxy: 1 }) });
    await expect(trusting.upgrade(nonsense)).rejects.toMatchObject({ code: "BAD_FORWARDED" });
    expect(nonsense.text).toMatch(/^HTTP\/1.1 400 /);
    const failing = new PeerFinder({
      trustProxy() {
        throw new Error("secret");
      },
    });
    const conn = new KnownStream(plain, "10.0.0.1");
    await expect(new Upgrader({ peers: failing }).upgrade(conn)).rejects.toThrow("secret");
    expect(conn.text).toMatch(/^HTTP\/1.1 500 [^]*\r\n\r\nInternal error\n$/);
  });

  it("cannot be found if the stream has no address: nothing is read, and the stream is closed", async () => {
    const conn = new ScriptedStream([plain]);
    const upgrader = new Upgrader({ peers: new PeerFinder({ trustProxy: ["unix"] }) });
    await expect(upgrader.upgrade(conn)).rejects.toThrow(/^peers need to know who is connected/);
    expect([conn.text, conn.closes]).toEqual(["", 1]);
  });
});
