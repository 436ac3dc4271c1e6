import { afterEach, describe, expect, it } from "vitest";
import { tables } from "./cases/all.ts";
import { type Delivery, expectNoRejections, type Played, playInMemory, seeded } from "./play.ts";
import {
  binary,
  type Case,
  close,
  continuation,
  open,
  ping,
  plain,
  session,
  text,
  titleOf,
} from "./support.ts";
import { expectOneEnd, type Trace, traceOf } from "./trace.ts";

/*
 * The whole table again, with each input cut: what a server makes of a stream does not depend on where the network cut
 * it, on how soon its replies are read, or on what becomes of a chunk once it was handed over.
 */

afterEach(expectNoRejections);

/** Inputs up to this many bytes are cut at each of them. */
const shortInput = 600;

/** Inputs up to this many bytes are delivered byte by byte. */
const middlingInput = 4096;

function cutAt(input: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  return [...cuts, input.length].map((end, i) => input.slice(cuts[i - 1] ?? 0, end));
}

/** Cuts of a long input: a few, many, and many close to its beginning, where headers are. */
function randomCuts(input: Uint8Array, count: number, range: number, seed: number): Uint8Array[] {
  const random = seeded(seed);
  const cuts = Array.from({ length: count }, () =>
    Math.floor(random() * Math.min(range, input.length)),
  );
  return cutAt(
    input,
    cuts.sort((a, b) => a - b),
  );
}

function deliveriesOf({ input }: Case): Delivery[] {
  const deliveries: Delivery[] = [
    { how: "with a client that reads late", chunks: [input], capacity: 1 },
  ];
  if (input.length <= shortInput) {
    for (let at = 1; at < input.length; at++) {
      deliveries.push({ how: `cut at ${at}`, chunks: cutAt(input, [at]) });
    }
  } else {
    for (const [count, range] of [
      [1, Infinity],
      [10, Infinity],
      [100, 1000],
    ] as const) {
      for (let seed = 1; seed <= 3; seed++) {
        deliveries.push({
          how: `${count} cuts within ${range} bytes, seed ${seed}`,
          chunks: randomCuts(input, count, range, seed),
        });
      }
    }
  }
  if (input.length <= middlingInput) {
    deliveries.push({
      how: "byte by byte",
      chunks: Array.from(input, (byte) => Uint8Array.of(byte)),
    });
  }
  return deliveries;
}

function isSame(one: Played, other: Played): boolean {
  return (
    one.end === other.end &&
    one.output.length === other.output.length &&
    one.output.every((byte, i) => byte === other.output[i]) &&
    one.events.length === other.events.length &&
    one.events.every((event, i) => event === other.events[i])
  );
}

function readable({ output, events, end }: Played): Trace {
  return traceOf(output, events, end);
}

describe.each(tables)("a server meets %s, cut anywhere:", (_, cases) => {
  it.each(cases.map((c) => [titleOf(c), c] as const))("%s", async (_title, c) => {
    const deliveries = deliveriesOf(c);
    const [whole, ...others] = await playInMemory(c.setup, [
      { how: "whole", chunks: [c.input] },
      ...deliveries,
    ]);
    // Compared unread, since there are so many; read only where one is different.
    const other = others.findIndex((played) => !isSame(played, whole!));
    if (other >= 0) {
      expect({ how: deliveries[other]!.how, ...readable(others[other]!) }).toEqual(
        readable(whole!),
      );
    }
    expect(others).toHaveLength(deliveries.length);
  });
});

describe("the end of the stream", () => {
  it("F-117 behind any byte of a session → one end, and no message that is not whole", async () => {
    const messages = [text("first"), binary("a", open), ping("p"), continuation("b"), text("last")];
    const input = session(...messages, close(1000, "bye"));
    const ends = Array.from({ length: input.length - 1 }, (_, i) => i + 1);
    const deliveries = ends.map((end) => ({ how: `end at ${end}`, chunks: [input.slice(0, end)] }));
    const seen = ["open", 'text "first"', "binary [61 62]", 'text "last"'];
    const requestSize = session().length;
    for (const [i, { events }] of (await playInMemory(plain, deliveries)).entries()) {
      expectOneEnd(events);
      if (ends[i]! < requestSize) {
        expect(events).toEqual(["refused INTERNAL UNEXPECTED_END"]);
      } else {
        const before = events.slice(0, -2);
        expect(before).toEqual(seen.slice(0, before.length));
        expect(events.slice(-2)).toEqual(["error UNEXPECTED_END", "close 1006 unclean transport"]);
      }
    }
  });
});
