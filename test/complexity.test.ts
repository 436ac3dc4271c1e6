import process from "node:process";
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { zlibEngine } from "../adapters/zlib/engine.ts";
import { encodeUtf8 } from "../src/bytes.ts";
import { Server } from "../src/connection/server/serve.ts";
import { Endpoint } from "../src/endpoint/endpoint.ts";
import { PermessageDeflate } from "../src/flate/permessage-deflate.ts";
import { StateServerSide } from "../src/frame/check.ts";
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
import { silentEvents } from "./support/trace.ts";

/*
 * How the time that peers' bytes take grows with their number: linearly. It is measured over three doublings, and the
 * exponent that fits is compared with 1.5: linear work is at 1, quadratic work at 2, however fast the machine is.
 */

/** The work on an input, made ready beforehand, that is `size` times something. */
type Subject = (size: number) => () => void;

/** Milliseconds of the processor's time: what others do on the machine does not count. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function timeOf(work: () => void): number {
  const start = processorTime();
  work();
  return processorTime() - start;
}

const doublings = [1, 2, 4, 8];
const rounds = 4;
/** Milliseconds that the smallest input takes at the least. */
const signal = 4;

/** A size with enough work to be measured; quadratic work has it sooner. */
function smallest(subject: Subject): number {
  for (let size = 256; ; size *= 2) {
    const work = subject(size);
    if (Math.min(timeOf(work), timeOf(work)) > signal || size >= 2 ** 17) return size;
  }
}

/** The slope of the line through the logarithms of times over those of sizes (least squares). */
function exponentOf(times: readonly number[]): number {
  const xs = doublings.map(Math.log2);
  const ys = times.map(Math.log2);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  const above = xs.reduce((sum, one, i) => sum + (one - x) * (ys[i]! - y), 0);
  return above / xs.reduce((sum, one) => sum + (one - x) ** 2, 0);
}

/** The exponent of a subject's time, from the best of several rounds, in each of which all sizes have their turn. */
function growthOf(subject: Subject): number {
  const base = smallest(subject);
  const best = doublings.map(() => Infinity);
  for (let round = 0; round < rounds; round++) {
    doublings.forEach((factor, i) => {
      const work = subject(base * factor);
      best[i] = Math.min(best[i]!, timeOf(work));
    });
  }
  return exponentOf(best.map((time) => Math.max(time, 0.001)));
}

const limit = 1.5;

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
      expect(parser.isComplete).toBe(true);
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

/** A whole handshake with a server that compresses and takes the first subprotocol. */
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
        },
        { upgrade: ({ protocols }) => ({ protocol: protocols[0] }) },
      );
      const transport = new Sink();
      server.accept(transport);
      transport.handler.onData(chunk);
      transport.handler.onClose();
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
      expect(one.state).toBe("open");
      one.fail(undefined, 0, "local");
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
    return () => {
      expect(read(bytes)).toBeTruthy();
    };
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
    return () => {
      expect(parseOptions(bytes)).toBeTruthy();
    };
  },
  "a quoted value of escapes": (size) => {
    const bytes = encodeUtf8(`a; b="${'\\"'.repeat(size)}"`);
    return () => void parseOptions(bytes);
  },
  "a quoted value of escapes without an end": (size) => {
    const bytes = encodeUtf8(`a; b="${'\\"'.repeat(size)}`);
    return () => void parseOptions(bytes);
  },
  cookies: (size) => {
    const bytes = encodeUtf8(repeated(size, (i) => `a${i}=b`, "; "));
    return () => {
      expect(parseCookies(bytes).size).toBe(size);
    };
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

/** Milliseconds for one subject, on a machine that is busy. */
const patience = 60_000;

describe("the time for", () => {
  it.each(Object.entries(subjects))(
    "%s grows linearly",
    (_, subject) => {
      // A machine that is busy elsewhere may spoil one measurement; quadratic work is quadratic each time.
      let growth = growthOf(subject);
      for (let again = 0; growth >= limit && again < 3; again++) growth = growthOf(subject);
      expect(growth).toBeLessThan(limit);
    },
    patience,
  );
});

describe("growthOf()", () => {
  let sink = 0;

  it(
    "finds work linear that is",
    () => {
      const linear: Subject = (size) => () => {
        for (let i = 0; i < 100 * size; i++) sink = (sink + i) | 0;
      };
      expect(growthOf(linear)).toBeLessThan(limit);
    },
    patience,
  );

  it(
    "finds work quadratic that is",
    () => {
      const quadratic: Subject = (size) => () => {
        for (let i = 0; i < size; i++) for (let k = 0; k < size; k++) sink = (sink + k) | 0;
      };
      expect(growthOf(quadratic)).toBeGreaterThan(limit);
      expect(sink).toBeTypeOf("number");
    },
    patience,
  );
});
