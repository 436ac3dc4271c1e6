import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
// First, to be there before what it counts.
import { type Cost, worksOf } from "./support/work.ts";
import { OpenStream } from "../adapters/zlib/open-stream.ts";
import { zlibEngine } from "../adapters/zlib/engine.ts";
import { encodeUtf8 } from "../src/bytes.ts";
import { Server } from "../src/connection/server/serve.ts";
import { Endpoint } from "../src/endpoint/endpoint.ts";
import { BoundedBuffer } from "../src/extension/bounded-buffer.ts";
import { PermessageDeflate } from "../src/flate/permessage-deflate.ts";
import { StateServerSide } from "../src/frame/check.ts";
import { ProxyHeaderParser } from "../src/handshake/proxy-protocol/parser.ts";
import { HeadParser } from "../src/http/parser.ts";
import { parseCookies } from "../src/http/cookie.ts";
import { newOption, parseOptions } from "../src/http/option.ts";
import { addListTokens } from "../src/http/token.ts";
import type { Transport, TransportHandler } from "../src/transport.ts";
import {
  binary,
  continuation,
  fragments,
  joined,
  open,
  ping,
  request,
  type SidedPiece,
  text,
} from "./hostile/support.ts";
import { FakeClock } from "./support/fake-clock.ts";
import { binaryHeader, field, summedHeader } from "./support/proxy-header.ts";
import { silentEvents } from "./support/trace.ts";

/*
 * How the work that peers' bytes make grows with their number: linearly. It is counted, not timed, so that the machine has
 * no say in it, at sizes that double three times; the exponent that fits is 1 for linear work, and 2 for quadratic work.
 */

/** The work on an input, made ready beforehand, that is `size` times something. Tells whether it came to the right end. */
type Subject = (size: number) => () => boolean;

const doublings = [1, 2, 4, 8];
const smallest = 2048;

/** Sorting would be at 1.11. */
const limit = 1.1;

/** A call of zlib: what it is given, and what it has written. */
const ofZlib: Cost = (self, [, , start, end, , , room]) =>
  Number(end) - Number(start) + Number(room) - (self as OpenStream).roomLeft;

/** The units of work of a subject at each size. */
async function worksAt(subject: Subject, base: number): Promise<number[]> {
  const isRight: boolean[] = [];
  const calls = doublings.map((factor) => {
    const work = subject(base * factor);
    return (): void => {
      isRight.push(work());
    };
  });
  const works = await worksOf(calls, [[OpenStream.prototype, { write: ofZlib }]]);
  expect(isRight).toEqual(doublings.map(() => true));
  return works;
}

/** The slope of the line through the logarithms of works over those of sizes (least squares). */
function exponentOf(works: readonly number[]): number {
  const xs = doublings.map(Math.log2);
  const ys = works.map(Math.log2);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  const above = xs.reduce((sum, one, i) => sum + (one - x) * (ys[i]! - y), 0);
  return above / xs.reduce((sum, one) => sum + (one - x) ** 2, 0);
}

async function growthOf(subject: Subject, base = smallest): Promise<number> {
  return exponentOf(await worksAt(subject, base));
}

const noLimits = { maxHeadSize: Infinity, maxTargetSize: Infinity, maxHeaders: Infinity };

function bytesOf(input: Uint8Array): Uint8Array[] {
  return Array.from(input, (byte) => Uint8Array.of(byte));
}

/** Feeds a request's head whole, or byte by byte. */
function head(more: (size: number) => readonly string[], cut = false): Subject {
  return (size) => {
    const bytes = request({ more: more(size) });
    const step = cut ? 1 : bytes.length;
    return () => {
      const parser = new HeadParser("request", noLimits);
      for (let at = 0; at < bytes.length; at += step) parser.feed(bytes, at, at + step);
      return parser.isComplete;
    };
  };
}

/** A transport that takes all, and tells nothing. */
class Sink implements Transport {
  handler!: TransportHandler;
  readonly remoteAddress = undefined;
  readonly remotePort = undefined;
  bytes = 0;
  write(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

/** A whole handshake with a server that compresses, takes the first subprotocol, and believes whoever is in front of it. */
function handshake(more: (size: number) => readonly string[]): Subject {
  return (size) => {
    const chunk = request({ more: more(size) });
    return () => {
      const server = new Server(
        {
          port: 0,
          clock: new FakeClock(),
          ...noLimits,
          compression: { engine: zlibEngine() },
          trustProxy: () => true,
        },
        { upgrade: ({ protocols }) => ({ protocol: protocols[0] }) },
      );
      const transport = new Sink();
      server.accept(transport);
      transport.handler.onData(chunk);
      transport.handler.onClose();
      return transport.bytes > 0;
    };
  };
}

/** Gives chunks to a server's endpoint without limits, which takes them all. */
function endpoint(chunksOf: (size: number) => readonly Uint8Array[], compressed = false): Subject {
  return (size) => {
    const chunks = chunksOf(size);
    return () => {
      const sessions = compressed ? [openSession()] : [];
      const options = { maxMessageSize: 0, maxFrameSize: 0, maxFragments: 0 };
      const one = new Endpoint("server", silentEvents, { ...options, extensions: sessions });
      for (const chunk of chunks) {
        // What is received is unmasked where it lies.
        one.receive(chunk.slice());
        while (one.output.take() !== undefined) one.output.giveBack();
      }
      const isOpen = one.state === "open";
      one.fail(undefined, 0, "local");
      return isOpen;
    };
  };
}

function openSession() {
  const extension = new PermessageDeflate({ engine: zlibEngine() });
  return extension.open(newOption("permessage-deflate"), StateServerSide)!;
}

const repeated = (count: number, part: (i: number) => string, glue: string): string =>
  Array.from({ length: count }, (_, i) => part(i)).join(glue);

/** Bytes of frames of a client, in one chunk. */
function inOne(...pieces: readonly SidedPiece[]): Uint8Array[] {
  return [joined(pieces).from("client")];
}

/** The same piece so many times. */
function times(count: number, piece: SidedPiece): SidedPiece {
  return joined(Array.from({ length: count }, () => piece));
}

function listOf(part: (i: number) => string, read: (bytes: Uint8Array) => unknown): Subject {
  return (size) => {
    const bytes = encodeUtf8(repeated(size, part, ", "));
    return () => read(bytes) !== undefined;
  };
}

const subjects: Readonly<Record<string, Subject>> = {
  "a head of one long header": head((size) => [`X: ${"a".repeat(size)}`]),
  "a head of one long header, byte by byte": head((size) => [`X: ${"a".repeat(size)}`], true),
  "a head of many headers": head((size) => Array.from({ length: size }, (_, i) => `X-${i}: a`)),
  "a head of many headers, byte by byte": head(
    (size) => Array.from({ length: size }, (_, i) => `X-${i}: a`),
    true,
  ),
  "a head of blanks": head((size) => [`X:${" ".repeat(size)}a`]),
  tokens: listOf(
    (i) => `a${i}`,
    (bytes) => addListTokens([], bytes, 0, bytes.length),
  ),
  options: listOf(
    (i) => `a${i}; b=c`,
    (bytes) => parseOptions(bytes),
  ),
  "parameters of one option": (size) => {
    const bytes = encodeUtf8(`a; ${repeated(size, (i) => `b${i}=c`, "; ")}`);
    return () => parseOptions(bytes) !== undefined;
  },
  "a quoted value of escapes": (size) => {
    const bytes = encodeUtf8(`a; b="${"\\c".repeat(size)}"`);
    return () => parseOptions(bytes) !== undefined;
  },
  "a quoted value of escapes without an end": (size) => {
    const bytes = encodeUtf8(`a; b="${"\\c".repeat(size)}`);
    return () => parseOptions(bytes) === undefined;
  },
  "a quoted value of escaped quotes": (size) => {
    const bytes = encodeUtf8(`a; b="${'\\"'.repeat(size)}"`);
    return () => parseOptions(bytes) === undefined;
  },
  cookies: (size) => {
    const bytes = encodeUtf8(repeated(size, (i) => `a${i}=b`, "; "));
    return () => parseCookies(bytes).size === size;
  },
  "a handshake with many subprotocols": handshake((size) => [
    `Sec-WebSocket-Protocol: ${repeated(size, (i) => `a${i}`, ", ")}`,
  ]),
  "a handshake with many offers": handshake((size) => [
    `Sec-WebSocket-Extensions: ${repeated(size, (i) => `permessage-deflate; x${i}`, ", ")}`,
  ]),
  "a handshake with many lines of one header": handshake((size) =>
    Array.from({ length: size }, (_, i) => `Sec-WebSocket-Protocol: a${i}`),
  ),
  "a handshake with blanks inside a subprotocol": handshake((size) => [
    `Sec-WebSocket-Protocol: b${" ".repeat(size)}x`,
  ]),
  "a handshake behind many proxies": handshake((size) => [
    `X-Forwarded-For: ${repeated(size, () => "192.0.2.1", ", ")}`,
    `X-Forwarded-Proto: ${repeated(size, () => "https", ", ")}`,
    `Forwarded: ${repeated(size, () => 'for="192.0.2.1";proto=https', ", ")}`,
  ]),
  "a handshake behind many proxies, a line each": handshake((size) =>
    Array.from({ length: size }, () => "X-Forwarded-For: 192.0.2.1"),
  ),
  "a handshake with a long value of a proxy": handshake((size) => [
    `Forwarded: for=192.0.2.1;x="${"\\a".repeat(size)}"`,
  ]),
  "a PROXY header with many fields": (size) => {
    const fields = Array.from({ length: (size / smallest) * 64 }, () =>
      field(4, new Uint8Array(1)),
    );
    const header = summedHeader({ fields });
    return () => {
      const parser = new ProxyHeaderParser();
      parser.feed(header);
      return parser.isComplete;
    };
  },
  "a PROXY header, byte by byte": (size) => {
    const bytes = bytesOf(
      binaryHeader({ fields: [field(4, new Uint8Array((size / smallest) * 256))] }),
    );
    return () => {
      const parser = new ProxyHeaderParser();
      for (const byte of bytes) parser.feed(byte);
      return parser.isComplete;
    };
  },
  "fragments of one byte": endpoint((size) => inOne(fragments(size, 2, "a"))),
  "fragments of one byte of text": endpoint((size) => inOne(fragments(size, 1, "a"))),
  "empty fragments": endpoint((size) => inOne(fragments(size, 2, ""))),
  "fragments in chunks of their own": endpoint((size) => {
    const rest = continuation("a", open).from("client");
    return [binary("a", open).from("client"), ...Array.from({ length: size }, () => rest)];
  }),
  "a frame in chunks of one byte": endpoint((size) =>
    bytesOf(inOne(binary(new Uint8Array(size)))[0]!),
  ),
  "a text in chunks of one byte": endpoint((size) =>
    bytesOf(inOne(text("\u20ac".repeat(size)))[0]!),
  ),
  "a header in chunks of one byte, many times": endpoint((size) => {
    const one = bytesOf(binary("", { form: 64 }).from("client"));
    return Array.from({ length: Math.ceil(size / one.length) }, () => one).flat();
  }),
  messages: endpoint((size) => inOne(times(size, text("a")))),
  pings: endpoint((size) => inOne(times(size, ping("a")))),
  "a compressed message in fragments of one byte": endpoint((size) => {
    const bytes = deflateRawSync(
      Uint8Array.from({ length: size }, (_, i) => Math.imul(i, 2654435761) >>> 24),
      { finishFlush: constants.Z_SYNC_FLUSH, level: 0 },
    ).subarray(0, -4);
    const pieces = bytesOf(bytes.subarray(1, -1)).map((one) => continuation(one, open));
    const first = binary(bytes.slice(0, 1), { fin: false, rsv: 4 });
    return inOne(joined([first, ...pieces, continuation(bytes.slice(-1))]));
  }, true),
};

describe("the work for", () => {
  it.each(Object.entries(subjects))("%s grows linearly", async (_, subject) => {
    expect(await growthOf(subject)).toBeLessThan(limit);
  });
});

/** Something done with a piece of the subject's input. */
type Step = (piece: { bytes: Uint8Array; items: number[]; letters: string }) => unknown;

/** Of each kind of work, one that a mistake could repeat for every piece of what comes. */
const steps: Readonly<Record<string, Step>> = {
  "a loop": ({ items }) => {
    let sum = 0;
    for (let i = 0; i < items.length; i++) sum += i;
    return sum;
  },
  "a loop in a function of its own": ({ bytes }) => xorOf(bytes),
  "a callback for each": ({ items }) => items.reduce((sum, item) => sum + item, 0),
  "set()": ({ bytes }) => new Uint8Array(bytes.length + 1).set(bytes, 1),
  "set() into the same": ({ bytes }) => bytes.set(bytes),
  "copyWithin()": ({ bytes }) => bytes.copyWithin(1, 0),
  "slice() of bytes": ({ bytes }) => bytes.slice(),
  "fill()": ({ bytes }) => bytes.fill(1),
  "indexOf() of bytes": ({ bytes }) => bytes.indexOf(255),
  "a new Uint8Array": ({ bytes }) => new Uint8Array(bytes.length),
  "a copy by a new Uint8Array": ({ bytes }) => new Uint8Array(bytes),
  "Uint8Array.from()": ({ items }) => Uint8Array.from(items),
  "slice() of an array": ({ items }) => items.slice(),
  "shift()": ({ items }) => items.shift(),
  "splice()": ({ items }) => items.splice(0, 1),
  "concat()": ({ items }) => items.concat(1),
  "includes()": ({ items }) => items.includes(-1),
  "join()": ({ items }) => items.join(),
  "a spread array": ({ items }) => [...items],
  "a Set of an array": ({ items }) => new Set(items),
  "Object.entries()": ({ items }) => Object.entries(items),
  "JSON.stringify()": ({ items }) => JSON.stringify(items),
  "slice() of a string": ({ letters }) => letters.slice(),
  "indexOf() of a string": ({ letters }) => letters.indexOf("z"),
  "split()": ({ letters }) => letters.split("z"),
  "toLowerCase()": ({ letters }) => letters.toLowerCase(),
  "a regular expression": ({ letters }) => /z/.test(letters),
  "TextDecoder.decode()": ({ bytes }) => decoder.decode(bytes),
  "TextEncoder.encode()": ({ letters }) => encoder.encode(letters),
  "the engine's compression": ({ bytes }) => compressed(bytes),
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function xorOf(bytes: Uint8Array): number {
  let all = 0;
  for (const byte of bytes) all ^= byte;
  return all;
}

function compressed(bytes: Uint8Array): void {
  const deflater = zlibEngine().newDeflater({ windowBits: 15, level: 1, memLevel: 8 });
  deflater.deflate(bytes, 0, bytes.length, true, new BoundedBuffer(Infinity));
  deflater.close();
}

/** Pieces at the smallest size. */
const smallestCount = 64;

/** What has come so far has a step for each piece that comes, or each piece has one. */
function stepsOn(step: Step, lengthAt: (i: number) => number): Subject {
  return (size) => {
    const pieces = Array.from({ length: size }, (_, i) => {
      const length = lengthAt(i);
      return {
        bytes: new Uint8Array(length),
        items: new Array<number>(length).fill(0),
        letters: "a".repeat(length),
      };
    });
    return () => {
      for (let i = 0; i < size; i++) step(pieces[i]!);
      return true;
    };
  };
}

describe("growthOf()", () => {
  it.each(Object.entries(steps))(
    "sees that %s of all that has come is quadratic",
    async (_, step) => {
      expect(
        await growthOf(
          stepsOn(step, (i) => 16 * i),
          smallestCount,
        ),
      ).toBeGreaterThan(1.5);
    },
  );

  it.each(Object.entries(steps))(
    "sees that %s of what has come last is linear",
    async (_, step) => {
      expect(
        await growthOf(
          stepsOn(step, () => 128),
          smallestCount,
        ),
      ).toBeLessThan(limit);
    },
  );

  it("sees a quadratic part that is a tenth of the work at the smallest size", async () => {
    const bytes = new Uint8Array(8 * smallest);
    const mixed: Subject = (size) => () => {
      for (let i = 0; i < size; i++) {
        bytes.fill(1, 0, 100);
        bytes.fill(1, 0, (10 * size) / smallest);
      }
      return true;
    };
    expect(await growthOf(mixed)).toBeGreaterThan(limit);
  });

  it("comes to the same each time", async () => {
    const works = [];
    for (let i = 0; i < 3; i++) works.push(await worksAt(subjects["tokens"]!, smallest));
    expect(works[1]).toEqual(works[0]);
    expect(works[2]).toEqual(works[0]);
  });
});
