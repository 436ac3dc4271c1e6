import assert from "node:assert/strict";
import { constants, deflateRawSync } from "node:zlib";
import { isDeepStrictEqual } from "node:util";
import { memoryPair } from "../../adapters/memory/index.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import { connectOn } from "../../src/connection/client/connect.ts";
import {
  ClosedError,
  DialError,
  HandshakeError,
  LimitError,
  ProtocolError,
  TimeoutError,
  TransportError,
} from "../../src/errors.ts";
import { Helper } from "../../src/flate/helpers.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { parseCookies } from "../../src/http/cookie.ts";
import { parseOptions, scanOptions } from "../../src/http/option.ts";
import { type HeadKind, HeadParser } from "../../src/http/parser.ts";
import { addListTokens, listHasToken } from "../../src/http/token.ts";
import { answerTo } from "../handshake/streams.ts";
import { casesOf } from "../hostile/cases/all.ts";
import { type Delivery, nameOf, Peer, playInMemory } from "../hostile/play.ts";
import {
  binary,
  bytesFrom,
  continuation,
  open,
  ping,
  pong,
  showClose,
  showMessage,
  text,
} from "../hostile/support.ts";
import { expectOneEnd, type Played, traceOf } from "../hostile/trace.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { macrotask } from "../support/turns.ts";
import { below, cutUp, mutate, oneOf, type Random } from "./mutate.ts";
import { pull, push } from "./pulled.ts";

/** Something that takes a peer's bytes, and what must hold of it whatever they are. */
export interface Target {
  readonly name: string;
  /** Makes mutants, and checks what becomes of them; gives how many. What does not hold is thrown as a {@link Finding}. */
  step(random: Random): Promise<number>;
}

/** An input that something does not hold for. */
export class Finding extends Error {
  override readonly name = "Finding";

  constructor(input: Uint8Array, why: string, cause?: unknown) {
    const hex = Array.from(input, (byte) => byte.toString(16).padStart(2, "0")).join("");
    super(`${why}\n  input: ${hex}`, { cause });
  }
}

const ownErrors = [
  ProtocolError,
  LimitError,
  HandshakeError,
  DialError,
  ClosedError,
  TimeoutError,
  TransportError,
];

/** Gives an error's code; one that is not framewire's own is thrown on. */
function ownCode(error: unknown): string {
  if (!ownErrors.some((kind) => error instanceof kind)) throw error;
  return nameOf(error);
}

/** Inputs that are played as they are elsewhere; longer ones would only be slow. */
const cases = casesOf("server")
  .map(({ setup, play }) => ({ setup, input: play.input("") }))
  .filter(({ input }) => input.length <= 2048);
const inputs = cases.map(({ input }) => input);

/**
 * Gives what must be the same however an input is cut.
 *
 * Of a compressed message that is neither DEFLATE nor, as far as it is, UTF-8, zlib gives what comes before the bad place
 * only where a chunk ends before it: which of the two is told depends on the cut. Either is 1007.
 */
function comparable({ events, ...rest }: Played): object {
  return {
    ...rest,
    events: events.map((event) => event.replace("INVALID_UTF8", "INVALID_DEFLATE")),
  };
}

/** What gives the same whatever it is asked. */
function constant<Value>(value: Value): () => Value {
  return () => value;
}

/** A server: whatever comes, there is one end, the answers are well-formed, and cuts make no difference. */
const server: Target = {
  name: "a server",
  async step(random) {
    const { setup, input } = oneOf(cases, random);
    const mutants = Array.from({ length: 5 }, () => mutate(input, random, inputs));
    const deliveries = mutants.flatMap((mutant): Delivery[] => [
      { how: "whole", chunks: () => [mutant.slice()] },
      { how: "cut", chunks: constant(cutUp(mutant, random, 8)) },
      {
        how: "cut, to one who reads late",
        chunks: constant(cutUp(mutant, random, 3)),
        capacity: 1,
      },
    ]);
    const played = await playInMemory("server", setup, deliveries).catch((error: unknown) => {
      throw new Finding(
        concat(mutants),
        "It does not come to an end (one of several inputs)",
        error,
      );
    });
    for (const [i, mutant] of mutants.entries()) {
      const [whole, ...others] = played.slice(3 * i, 3 * i + 3);
      const { events } = whole!;
      try {
        // Who comes and goes without a word is nobody's business, such as a balancer that looks whether a port is open.
        if (mutant.length > 0) expectOneEnd(events);
        else assert.deepEqual(events, []);
        traceOf("server", whole!);
      } catch (error) {
        throw new Finding(mutant, `Its end or its answer is wrong: ${events.join(", ")}`, error);
      }
      for (const other of others) {
        if (!isDeepStrictEqual(comparable(other), comparable(whole!))) {
          const seen = [whole!, other].map((one) => `${one.events.join(", ")} (${one.end})`);
          throw new Finding(mutant, `Cuts make a difference:\n    ${seen.join("\n    ")}`);
        }
      }
    }
    return mutants.length;
  },
};

function deflated(payload: string): Uint8Array {
  const made = deflateRawSync(encodeUtf8(payload), { finishFlush: constants.Z_SYNC_FLUSH });
  return new Uint8Array(made.subarray(0, -4));
}

const compressed = { rsv: 4 };

/** What servers say to a client behind their answer. */
const conversations: readonly Uint8Array[] = [
  [text("Hello"), ping("p"), text("ж€😀")],
  [text("a", open), pong(), continuation("b")],
  [binary(new Uint8Array(300)), binary(new Uint8Array(70_000))],
  [text(deflated("Hello".repeat(100)), compressed), text(deflated("Hello"), compressed)],
  [
    text(deflated("Hello"), { ...open, ...compressed }),
    continuation(deflated(" you")),
    Uint8Array.of(0x88, 0x02, 0x03, 0xe8),
  ],
  [Uint8Array.of(0x88, 0x05, 0x03, 0xe9, 0x62, 0x79, 0x65), text("late")],
].map((pieces) => bytesFrom("server", ...pieces));

/** What a client's connection was told, and how its attempt ended. */
async function playClient(
  answer: (request: string) => Uint8Array,
  chunksOf: (bytes: Uint8Array) => readonly Uint8Array[],
  compression: boolean,
): Promise<{ events: readonly string[]; outcome: string; input: Uint8Array }> {
  const clock = new FakeClock();
  const [ours, theirs] = memoryPair();
  const peer = new Peer(theirs, "client");
  const events: string[] = [];
  let outcome = "";
  void connectOn(
    async (_, attach) => attach(ours),
    "ws://fuzz.example/",
    { clock, compression, maxMessageSize: 100_000 },
    {
      open: () => void events.push("open"),
      message: (_, data) => void events.push(showMessage(data)),
      error: (_, error) => void events.push(`error ${ownCode(error)}`),
      close: (_, { status, reason, clean, initiator }) =>
        void events.push(`${showClose(status, reason)} ${clean} ${initiator}`),
    },
    { engine: zlibEngine() },
  ).then(
    () => (outcome = "open"),
    (error: unknown) => (outcome = `failed ${ownCode(error)}`),
  );
  await macrotask();
  const input = answer(latin1(peer.output, 0, peer.output.length));
  peer.send(...chunksOf(input));
  for (let turns = 0; turns < 3; turns++) await macrotask();
  peer.end();
  for (let turns = 0; turns < 3 || (turns < 50 && clock.running > 0); turns++) await macrotask();
  const isOver = peer.isClosed && clock.running === 0 && outcome !== "";
  if (!isOver) throw new Finding(input, `The client goes on: ${[outcome, ...events].join(", ")}`);
  return { events, outcome, input };
}

function checkClient({ events, outcome, input }: Awaited<ReturnType<typeof playClient>>): void {
  const ends = events.filter((event) => event.startsWith("close"));
  const isRight =
    outcome === "open"
      ? events[0] === "open" && ends.length === 1 && events.at(-1) === ends[0]
      : events.length === 0;
  if (!isRight) throw new Finding(input, `Its end is wrong: ${[outcome, ...events].join(", ")}`);
}

/** A client: its attempt ends, and behind an open one there is one close; cuts make no difference. */
const client: Target = {
  name: "a client",
  async step(random) {
    const compression = below(2, random) === 0;
    const lines = compression ? ["Sec-WebSocket-Extensions: permessage-deflate"] : [];
    const conversation = oneOf(conversations, random);
    if (below(3, random) === 0) {
      const seen = await playClient(
        (request) => mutate(concat([answerTo(request, ...lines), conversation]), random, inputs),
        (bytes) => cutUp(bytes, random, 6),
        compression,
      );
      checkClient(seen);
      return 1;
    }
    const mutant = mutate(conversation, random, conversations);
    const answer = (request: string): Uint8Array => concat([answerTo(request, ...lines), mutant]);
    const whole = await playClient(answer, (bytes) => [bytes.slice()], compression);
    const cut = await playClient(answer, (bytes) => cutUp(bytes, random, 8), compression);
    checkClient(whole);
    const [one, other] = [whole, cut].map(({ events, outcome }) =>
      comparable({ events: [...events, outcome], output: mutant, end: "peer" }),
    );
    if (!isDeepStrictEqual(one, other)) {
      const seen = [whole, cut].map(({ events }) => events.join(", "));
      throw new Finding(mutant, `Cuts make a difference:\n    ${seen.join("\n    ")}`);
    }
    return 1;
  },
};

/** Gives bytes with others before and behind them, which nobody may look at. */
function guarded(bytes: Uint8Array, guard: number): Uint8Array {
  const room = new Uint8Array(bytes.length + 40).fill(guard);
  room.set(bytes, 20);
  return room.subarray(20, 20 + bytes.length);
}

/** Bytes around an input that would make a difference: a frame's and a line's ends. */
const guards = [0x00, 0x0a, 0x7e, 0xff] as const;

/** A target that gives the same for an input whatever lies around it, and throws nothing but its own errors. */
function pureTarget(
  name: string,
  seeds: readonly Uint8Array[],
  outcomeOf: (input: Uint8Array, random: Random) => unknown,
): Target {
  return {
    name,
    async step(random) {
      const mutant = mutate(oneOf(seeds, random), random, seeds);
      const attempt = async (guard: number): Promise<unknown> => {
        const input = guarded(mutant, guard);
        try {
          return await outcomeOf(input, random);
        } catch (error) {
          try {
            return ownCode(error);
          } catch {
            throw new Finding(mutant, "It throws what is not its own", error);
          }
        }
      };
      const first = await attempt(guards[0]);
      for (const guard of guards.slice(1)) {
        const other = await attempt(guard);
        if (!isDeepStrictEqual(other, first)) {
          const seen = [first, other].map((one) => JSON.stringify(one));
          throw new Finding(mutant, `What lies around it matters:\n    ${seen.join("\n    ")}`);
        }
      }
      return 1;
    },
  };
}

/** Frames as they come out of a decoder, and what it throws. */
function decoded(input: Uint8Array, random: Random): unknown {
  const frames: unknown[] = [];
  let payload: number[] = [];
  const decoder = new FrameDecoder({
    frameHeader: (header) => {
      frames.push({ ...header });
      payload = [];
    },
    framePayload: (bytes, start, end) => void payload.push(...bytes.subarray(start, end)),
    frameEnd: () => void frames.push(payload),
  });
  let failure = "";
  try {
    // Never the same cuts: they must not matter. Views, so that what lies around is there still.
    let at = 0;
    for (const { length } of cutUp(input, random, 6)) {
      decoder.feed(input, at, at + length);
      at += length;
    }
  } catch (error) {
    failure = ownCode(error);
  }
  return { frames, payload, failure };
}

function parsed(kind: HeadKind) {
  return (input: Uint8Array): unknown => {
    const parser = new HeadParser(kind);
    const end = parser.feed(input);
    if (!parser.isComplete) return { end };
    const { head } = parser;
    const headers = Array.from({ length: head.headerCount }, (_, i) => [
      head.name(i),
      head.value(i),
    ]);
    return { end, headers, line: kind === "request" ? [head.method, head.target] : head.status };
  };
}

const heads = inputs.map((input) => {
  const text = latin1(input, 0, input.length);
  return input.slice(0, text.indexOf("\r\n\r\n") + 4);
});
const answers = [[], ["Sec-WebSocket-Protocol: a"], ["Content-Length: 5", "X: y"]].map((lines) =>
  answerTo("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ...lines),
);
const lists = [
  'permessage-deflate; client_max_window_bits; server_max_window_bits=10, x-b; c="d e\\"f"',
  "a, b ,\tc;d=e;f",
  'session=1; a="b"; c=d=e',
  ",, a ,",
].map(encodeUtf8);

/** What is read of a header's value; none of it throws. */
function read(input: Uint8Array): unknown {
  const seen: unknown[] = [];
  const isList = scanOptions(input, (index, option, name, value) => {
    seen.push([index, [...option], name && [...name], value && [...value]]);
    return 0 as never;
  });
  const tokens: string[] = [];
  const areTokens = addListTokens(tokens, input, 0, input.length);
  return {
    seen,
    isList,
    options: parseOptions(input),
    cookies: [...parseCookies(input)],
    tokens,
    areTokens,
    has: listHasToken(input, 0, input.length, "c"),
  };
}

const limit = 4096;
const streams = ["Hello", "Hello".repeat(2000), "", "\0\uffff".repeat(50)].map(deflated);
const helper = new Helper({ engine: zlibEngine(), maxMessageSize: limit });

async function inflated(input: Uint8Array): Promise<unknown> {
  const { length } = await helper.decompress(input);
  if (length > limit) throw new Error(`${length} bytes are more than the limit`);
  return length;
}

/** What a Reader sees, which is what an Endpoint sees of the same bytes. */
async function pulled(input: Uint8Array, random: Random): Promise<unknown> {
  const [byReader, byEndpoint] = [await pull(input, random), await push(input.slice(), random)];
  const [one, other] = [byReader, byEndpoint].map(({ messages, end }) => ({
    messages,
    end: end.replace("INVALID_UTF8", "INVALID_DEFLATE"),
  }));
  assert.deepEqual(one, other, "A Reader and an Endpoint do not see the same");
  return one;
}

export const targets: readonly Target[] = [
  server,
  client,
  pureTarget("Reader, as an Endpoint", conversations, pulled),
  pureTarget("FrameDecoder", [...inputs, ...conversations], decoded),
  pureTarget("HeadParser of requests", heads, parsed("request")),
  pureTarget("HeadParser of responses", answers, parsed("response")),
  pureTarget("options, tokens and cookies", lists, read),
  pureTarget("inflate", streams, inflated),
];
