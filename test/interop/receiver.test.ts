import { createRequire } from "node:module";
import type { Writable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { mutate } from "../fuzz/mutate.ts";
import { casesOf } from "../hostile/cases/all.ts";
import { seeded } from "../hostile/play.ts";
import {
  binary,
  bytesFrom,
  close,
  continuation,
  open,
  ping,
  pong,
  request,
  show,
  showClose,
  showMessage,
  text,
} from "../hostile/support.ts";

/*
 * The receiver of `ws` as a second opinion: of the same frames of a client both see the same messages, pings, pongs and
 * close, and fail with the same close code at the same place. Where they differ, one of the rules below says why.
 */

/** What is used of the receiver, which `ws` has no types for. */
interface Receiver extends Writable {
  on(event: string, listener: (...values: never[]) => void): this;
}

const { Receiver } = createRequire(import.meta.url)("ws") as {
  Receiver: new (options: { isServer: boolean; allowSynchronousEvents: boolean }) => Receiver;
};

/** What was seen of a stream of frames: events in their order, and the close code that it fails with, 0 for none. */
interface Opinion {
  readonly events: string[];
  status: number;
  code: string;
}

function ours(input: Uint8Array): Opinion {
  const opinion: Opinion = { events: [], status: 0, code: "" };
  const { events } = opinion;
  const endpoint = new Endpoint(
    "server",
    {
      onText: (data) => void events.push(`text ${show(data)}`),
      onBinary: (bytes, start, end) => void events.push(`binary ${show(bytes.slice(start, end))}`),
      onPing: (bytes, start, end) => void events.push(`ping ${show(bytes.slice(start, end))}`),
      onPong: (bytes, start, end) => void events.push(`pong ${show(bytes.slice(start, end))}`),
      onFail(error) {
        const { status, code } = error as Opinion;
        opinion.status = status;
        opinion.code = code;
      },
      onResume() {},
      onOutput() {},
    },
    { maxFrameSize: 0, maxMessageSize: 0, maxFragments: 0 },
  );
  endpoint.receive(input.slice());
  if (endpoint.isClosed && opinion.status === 0) {
    const { status, reason } = endpoint.closure;
    events.push(showClose(status, reason));
  }
  return opinion;
}

function theirs(input: Uint8Array): Promise<Opinion> {
  return new Promise((resolve) => {
    const opinion: Opinion = { events: [], status: 0, code: "" };
    const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true });
    const { events } = opinion;
    receiver.on("message", (data: Buffer, isBinary: boolean) => {
      events.push(showMessage(isBinary ? new Uint8Array(data) : data.toString("utf8")));
    });
    receiver.on("ping", (data: Buffer) => events.push(`ping ${show(new Uint8Array(data))}`));
    receiver.on("pong", (data: Buffer) => events.push(`pong ${show(new Uint8Array(data))}`));
    receiver.on("conclude", (status: number, reason: Buffer) => {
      events.push(showClose(status, reason.toString("utf8")));
    });
    receiver.on("error", (error: { code: string }) => {
      const key = Object.getOwnPropertySymbols(error).find(
        ({ description }) => description === "status-code",
      );
      opinion.status = (error as unknown as Record<symbol, number>)[key!]!;
      opinion.code = error.code;
      resolve(opinion);
    });
    receiver.write(Buffer.from(input), () => {
      resolve(opinion);
    });
  });
}

/** What clients send behind their request, where they offer no extension. */
const head = request();
const sessions = casesOf("server")
  .map(({ play }) => play.input(""))
  .filter((input) => input.length < 3000 && head.every((byte, i) => byte === input[i]))
  .map((input) => input.slice(head.length));
const own = [
  [text("Hello"), ping("p"), text("ж€😀"), close(1000, "bye")],
  [text("a", open), ping(), continuation("b", open), pong("q"), continuation("c"), binary("d")],
  [binary(new Uint8Array(70_000)), text("x".repeat(200)), close()],
].map((pieces) => bytesFrom("client", ...pieces));
const inputs = [...sessions, ...own];

interface Pair {
  readonly input: Uint8Array;
  readonly mine: Opinion;
  readonly other: Opinion;
}

function isPrefix(shorter: readonly string[], longer: readonly string[]): boolean {
  return shorter.every((event, i) => event === longer[i]);
}

/** The longest header, which is judged when it is whole. */
const restOfHeader = new Uint8Array(14);

/** Why two opinions may differ; the first that fits counts. */
const rules: readonly (readonly [reason: string, fits: (pair: Pair) => boolean])[] = [
  [
    // RFC 6455, 8.1 says "when"; Autobahn's cases of section 6.4 want it at once.
    "text fails at its first bad byte here, and at the message's end there: control frames between are seen, or other faults",
    ({ mine, other }) =>
      mine.code === "INVALID_UTF8" &&
      isPrefix(mine.events, other.events) &&
      other.events.slice(mine.events.length).every((event) => !/^(text|binary) /.test(event)),
  ],
  [
    // RFC 6455, 5.2: "the most significant bit MUST be 0"
    "a length with its sign bit set breaks a rule here (1002), and is too large there (1009)",
    ({ mine, other }) =>
      mine.code === "LENGTH_SIGN_BIT" &&
      other.status === 1009 &&
      isPrefix(other.events, mine.events),
  ],
  [
    "of two faults in one header the length is told here, and the other one there",
    ({ mine, other }) =>
      /^LENGTH_/.test(mine.code) && other.status === 1002 && isPrefix(other.events, mine.events),
  ],
  [
    "a header is judged when all of it has come here, and by its parts there",
    ({ input, mine, other }) => {
      const later = ours(concat([input, restOfHeader]));
      return (
        mine.status === 0 &&
        isPrefix(other.events, mine.events) &&
        (later.status === other.status || /^LENGTH_/.test(later.code))
      );
    },
  ],
];

const mutants = 6000;

describe("the receiver of ws", () => {
  it("sees the same in what nobody has changed", async () => {
    for (const input of own) expect(ours(input)).toEqual(await theirs(input));
  });

  it(`sees the same in ${mutants} mutants, or a rule says why not`, async () => {
    const used = new Set<string>();
    let same = 0;
    for (let seed = 1; seed <= mutants; seed++) {
      const random = seeded(seed);
      const input = mutate(inputs[Math.floor(random() * inputs.length)]!, random, inputs);
      const pair = { input, mine: ours(input), other: await theirs(input) };
      const { mine, other } = pair;
      if (mine.status === other.status && isDeepStrictEqual(mine.events, other.events)) {
        same++;
        continue;
      }
      const rule = rules.find(([, fits]) => fits(pair));
      if (rule === undefined) expect({ seed, ...mine }).toEqual({ seed, ...other });
      else used.add(rule[0]);
    }
    // Else the rules would be the test.
    expect(same).toBeGreaterThan(mutants / 2);
    expect([...used].sort()).toEqual(rules.map(([reason]) => reason).sort());
  });
});
