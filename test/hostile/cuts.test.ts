import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { latin1 } from "../../src/bytes.ts";
import { tables } from "./cases/all.ts";
import { type Delivery, expectNoRejections, playInMemory, seeded } from "./play.ts";
import {
  binary,
  type Case,
  close,
  continuation,
  exampleAccept,
  named,
  open,
  ping,
  plain,
  type Play,
  type Role,
  session,
  text,
} from "./support.ts";
import { expectOneEnd, type Played, type Trace, traceOf } from "./trace.ts";

/*
 * The whole table again, with each input cut: what framewire makes of a stream does not depend on where the network
 * cut it, on how soon its replies are read, or on what becomes of a chunk once it was handed over.
 */

// Responses tell the time, which is the same in all deliveries, however long they take.
beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterAll(() => void vi.useRealTimers());

afterEach(expectNoRejections);

/** Inputs up to this many bytes are cut at each of them. */
const shortInput = 600;

/** Inputs up to this many bytes are delivered byte by byte. */
const middlingInput = 4096;

function cutAt(input: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  return [...cuts, input.length].map((end, i) => input.slice(cuts[i - 1] ?? 0, end));
}

function cutting(play: Play, how: string, cuts: readonly number[]): Delivery {
  return { how, chunks: (accept) => cutAt(play.input(accept), cuts) };
}

/** Cuts of a long input: a few, many, and many close to its beginning, where headers are. */
function randomCuts(length: number, count: number, range: number, seed: number): number[] {
  const random = seeded(seed);
  const cuts = Array.from({ length: count }, () => Math.floor(random() * Math.min(range, length)));
  return cuts.sort((a, b) => a - b);
}

/** In a decent head, which other cases cut anywhere, one of so many places; another one in each case. */
const headStep = 16;

function deliveriesOf({ play }: Case, nth: number): Delivery[] {
  const { headSize } = play;
  const { length } = play.input(exampleAccept);
  const whole = cutting(play, "whole", []);
  const deliveries: Delivery[] = [
    whole,
    { ...whole, how: "with a peer that reads late", capacity: 1 },
  ];
  if (length <= shortInput) {
    for (let at = 1; at < length; at++) {
      // The end of the head, and all behind it, everywhere.
      if (at >= headSize - 4 || (at + nth) % headStep === 0)
        deliveries.push(cutting(play, `cut at ${at}`, [at]));
    }
  } else {
    for (const [count, range] of [
      [1, Infinity],
      [10, Infinity],
      [100, 1000],
    ] as const) {
      for (let seed = 1; seed <= 3; seed++) {
        const how = `${count} cuts within ${range} bytes, seed ${seed}`;
        deliveries.push(cutting(play, how, randomCuts(length, count, range, seed)));
      }
    }
  }
  if (length <= middlingInput) {
    const everywhere = Array.from({ length: length - 1 }, (_, i) => i + 1);
    deliveries.push(cutting(play, "byte by byte", everywhere));
  }
  return deliveries;
}

/** What a delivery led to, to be compared unread, since there are so many. */
function digest(role: Role, played: Played): string {
  const { output, events, end } = played;
  if (role === "server") return JSON.stringify([latin1(output, 0, output.length), events, end]);
  // A client's masks are others each time, and so is the proof of what it has sent.
  const { headers, ...rest } = traceOf(role, played);
  const others = Object.entries(headers).filter(([name]) => name !== "sec-websocket-accept");
  return JSON.stringify([others, rest]);
}

describe.each(tables)("a %s meets %s, cut anywhere:", (role, _subject, cases) => {
  it.each(named(cases).map((one, i) => [...one, i] as const))("%s", async (_, one, nth) => {
    const deliveries = deliveriesOf(one, nth);
    const [whole, ...others] = await playInMemory(role, one.setup, deliveries);
    const expected = digest(role, whole!);
    const other = others.findIndex((played) => digest(role, played) !== expected);
    if (other >= 0) {
      const readable = (how: string, played: Played): Trace & { how: string } => ({
        how,
        ...traceOf(role, played),
      });
      const { how } = deliveries[other + 1]!;
      expect(readable(how, others[other]!)).toEqual(readable(how, whole!));
    }
    expect(others).toHaveLength(deliveries.length - 1);
  });
});

describe.each(["server", "client"] as const)("a %s meets the end of the stream", (role) => {
  it("F-117 behind any byte of a session → one end, and no message that is not whole", async () => {
    const messages = [text("first"), binary("a", open), ping("p"), continuation("b"), text("last")];
    const play = session(...messages, close(1000, "bye"))[role]!;
    const { length } = play.input(exampleAccept);
    const ends = Array.from({ length: length - 1 }, (_, i) => i + 1);
    const deliveries = ends.map((end) => ({
      how: `end at ${end}`,
      chunks: (accept: string) => [play.input(accept).slice(0, end)],
    }));
    const seen = ["open", 'text "first"', "binary [61 62]", 'text "last"'];
    const refusal = { server: "refused INTERNAL UNEXPECTED_END", client: "refused UNEXPECTED_END" };
    for (const [i, { events }] of (await playInMemory(role, plain, deliveries)).entries()) {
      expectOneEnd(events);
      if (ends[i]! < play.headSize) {
        expect(events).toEqual([refusal[role]]);
      } else {
        const before = events.slice(0, -2);
        expect(before).toEqual(seen.slice(0, before.length));
        expect(events.slice(-2)).toEqual(["error UNEXPECTED_END", "close 1006 unclean transport"]);
      }
    }
  });
});
