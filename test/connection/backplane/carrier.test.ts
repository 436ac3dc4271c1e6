import { describe, expect, it } from "vitest";
import { Deadlines } from "../../../src/clock.ts";
import { latin1, encodeUtf8 } from "../../../src/bytes.ts";
import type { Position } from "../../../src/connection/backplane/history.ts";
import { Carrier, type CarrierSettings } from "../../../src/connection/backplane/carrier.ts";
import { type Deferred, newDeferred } from "../../../src/deferred.ts";
import { BackplaneError } from "../../../src/errors.ts";
import type { Awaitable } from "../../../src/io/byte-stream.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { macrotask } from "../../support/turns.ts";

/** What a message of one byte on topic "t" counts. */
const one = 64 + 2 + 1;

interface Carrying {
  readonly clock: FakeClock;
  readonly carrier: Carrier;
  /** What the broker was given, in order. */
  readonly given: string[];
  /** The broker's answers that are due, in order. */
  readonly due: Deferred<void>[];
  /** How each message ended: "a carried", "a TIMEOUT"; in the order of the ends. */
  readonly ends: string[];
  /** What the owner was told. */
  readonly told: string[];
  carry(...payloads: string[]): void;
}

function newCarrier(
  settings: Partial<CarrierSettings> = {},
  answer?: () => Awaitable<Position | void>,
): Carrying {
  const clock = new FakeClock();
  const [given, ends, told]: string[][] = [[], [], []];
  const due: Deferred<void>[] = [];
  const carrier = new Carrier(
    { maxWaiting: 1000, overflow: "newest", timeout: 1000, ...settings },
    new Deadlines(clock),
    {
      publish(_topic, envelope) {
        given!.push(latin1(envelope, 0, envelope.length));
        if (answer !== undefined) return answer();
        const deferred = newDeferred<void>();
        due.push(deferred);
        return deferred.promise;
      },
      carried: (milliseconds) => void told!.push(`carried in ${milliseconds}`),
      failed: ({ code }) => void told!.push(`failed ${code}`),
    },
  );
  return {
    clock,
    carrier,
    given: given!,
    due,
    ends: ends!,
    told: told!,
    carry(...payloads) {
      for (const payload of payloads) {
        carrier.carry("t", encodeUtf8(payload)).then(
          () => ends!.push(`${payload} carried`),
          ({ code }: BackplaneError) => ends!.push(`${payload} ${code}`),
        );
      }
    },
  };
}

describe("Carrier", () => {
  it("gives a publication to the broker at once, and resolves when the broker has answered", async () => {
    const { carrier, carry, given, due, ends, told, clock } = newCarrier();
    carrier.open();
    carry("a", "b");
    expect([given, carrier.bytes]).toEqual([["a", "b"], 2 * one]);
    clock.advance(30);
    due[1]!.resolve();
    await macrotask();
    due[0]!.resolve();
    await macrotask();
    expect(ends).toEqual(["b carried", "a carried"]);
    expect([told, carrier.bytes]).toEqual([["carried in 30", "carried in 30"], 0]);
  });

  it("keeps publications while the broker is away, and gives them in order when it is back", async () => {
    const { carrier, carry, given, due, ends } = newCarrier();
    carry("a", "b");
    expect(given).toEqual([]);
    carrier.open();
    carry("c");
    carrier.shut();
    carry("d");
    expect(given).toEqual(["a", "b", "c"]);
    carrier.open();
    expect(given).toEqual(["a", "b", "c", "d"]);
    for (const { resolve } of due) resolve();
    await macrotask();
    expect(ends).toEqual(["a carried", "b carried", "c carried", "d carried"]);
  });

  it.each(["at once", "later"])(
    "resolves with the position that the broker gives, %s",
    async (when) => {
      const position = { epoch: "e", offset: "7" };
      const { carrier } = newCarrier({}, () =>
        when === "later" ? Promise.resolve(position) : position,
      );
      carrier.open();
      expect(await carrier.carry("t", encodeUtf8("a"))).toEqual(position);
    },
  );

  it("accepts an answer without a promise, and then needs no timer", async () => {
    const { carrier, carry, ends, clock } = newCarrier({}, () => {});
    carrier.open();
    carry("a");
    expect([carrier.bytes, clock.running]).toEqual([0, 0]);
    await macrotask();
    expect(ends).toEqual(["a carried"]);
  });

  it("repeats what was under way when the broker went away, before what came later", async () => {
    const { carrier, carry, given, due, ends } = newCarrier();
    carrier.open();
    carry("a", "b");
    due[0]!.reject(new BackplaneError("DOWN"));
    due[1]!.reject(new BackplaneError("DOWN"));
    await macrotask();
    // Told a little later; nothing overtakes until then.
    carry("c");
    carrier.shut();
    expect(given).toEqual(["a", "b"]);
    carrier.open();
    expect(given).toEqual(["a", "b", "a", "b", "c"]);
    for (const { resolve } of due) resolve();
    await macrotask();
    expect(ends).toEqual(["a carried", "b carried", "c carried"]);
  });

  it("stops if the broker is away again at the first publication", async () => {
    let isDown = true;
    const { carrier, carry, given, ends } = newCarrier({}, () => {
      if (isDown) throw new BackplaneError("DOWN");
    });
    carry("a", "b");
    carrier.open();
    expect(given).toEqual(["a"]);
    isDown = false;
    carrier.open();
    expect(given).toEqual(["a", "a", "b"]);
    await macrotask();
    expect(ends).toEqual(["a carried", "b carried"]);
  });

  it.each<[string, () => void | Promise<void>]>([
    [
      "throws",
      () => {
        throw new Error("too large");
      },
    ],
    ["rejects with", () => Promise.reject(new Error("too large"))],
  ])("rejects what the broker %s, with its error as the cause", async (_, answer) => {
    const { carrier, told, carry } = newCarrier({}, answer);
    carrier.open();
    // Not awaited: nothing is unhandled.
    carry("a");
    await expect(carrier.carry("t", encodeUtf8("b"))).rejects.toMatchObject({
      name: "BackplaneError",
      code: "REFUSED",
      cause: { message: "too large" },
    });
    expect([carrier.bytes, told]).toEqual([0, ["failed REFUSED", "failed REFUSED"]]);
  });

  it("rejects with a BackplaneError of the driver as it is", async () => {
    const { carrier } = newCarrier({}, () => Promise.reject(new BackplaneError("QUEUE_FULL")));
    carrier.open();
    await expect(carrier.carry("t", encodeUtf8("b"))).rejects.toMatchObject({ code: "QUEUE_FULL" });
  });

  it("rejects what has waited for the time-out, each publication after its own", async () => {
    const { carry, ends, clock, carrier } = newCarrier();
    carry("a");
    clock.advance(500);
    carry("b");
    clock.advance(600);
    await macrotask();
    expect([ends, carrier.bytes]).toEqual([["a TIMEOUT"], one]);
    clock.advance(500);
    await macrotask();
    expect([ends, clock.running]).toEqual([["a TIMEOUT", "b TIMEOUT"], 0]);
  });

  it("counts the bytes of a publication that was given up until the broker's client releases it", async () => {
    const { carrier, carry, due, ends, clock, told } = newCarrier({ maxWaiting: 3 * one });
    carrier.open();
    carry("a", "b", "c");
    clock.advance(1100);
    carry("d");
    await macrotask();
    expect(ends).toEqual(["a TIMEOUT", "b TIMEOUT", "c TIMEOUT", "d QUEUE_FULL"]);
    expect(carrier.bytes).toBe(3 * one);
    due[0]!.resolve();
    due[1]!.reject(new BackplaneError("DOWN"));
    await macrotask();
    expect([carrier.bytes, told.at(-1)]).toEqual([one, "carried in 1100"]);
    carry("e");
    expect(carrier.bytes).toBe(2 * one);
  });

  it("refuses a new publication if more would wait than allowed, by default", async () => {
    const { carry, ends, carrier } = newCarrier({ maxWaiting: 2 * one });
    carry("a", "b", "c");
    await macrotask();
    expect([ends, carrier.bytes]).toEqual([["c QUEUE_FULL"], 2 * one]);
  });

  it("gives up the oldest publications that wait, if told to", async () => {
    const { carry, ends, given, carrier } = newCarrier({ maxWaiting: 2 * one, overflow: "oldest" });
    carry("a", "b", "c", "d");
    carrier.open();
    await macrotask();
    expect([ends, given]).toEqual([
      ["a QUEUE_FULL", "b QUEUE_FULL"],
      ["c", "d"],
    ]);
    // Those that are under way cannot be taken back.
    carry("e");
    carrier.shut();
    await macrotask();
    expect(ends.at(-1)).toBe("e QUEUE_FULL");
  });

  it("skips what is under way when it looks for the oldest", async () => {
    const { carry, ends, carrier } = newCarrier({ maxWaiting: 2 * one, overflow: "oldest" });
    carrier.open();
    carry("a");
    carrier.shut();
    carry("b", "c");
    await macrotask();
    expect(ends).toEqual(["b QUEUE_FULL"]);
  });

  it("accepts a message of any size if nothing else waits", () => {
    const { carry, given, carrier } = newCarrier({ maxWaiting: 10 });
    carrier.open();
    carry("x".repeat(1000));
    expect(given.length).toBe(1);
  });

  it("rejects what waits when it is closed, and what comes later, but nothing that is under way", async () => {
    const { carry, carrier, due, ends } = newCarrier();
    carrier.open();
    carry("a", "b");
    carrier.shut();
    carry("c");
    carrier.close();
    carry("d");
    due[0]!.resolve();
    due[1]!.reject(new BackplaneError("DOWN"));
    await macrotask();
    expect(ends).toEqual(["c LEFT", "d LEFT", "a carried", "b DOWN"]);
  });

  it("rejects everything when it is abandoned, and leaves no timer", async () => {
    const { carry, carrier, ends, clock, due } = newCarrier();
    carrier.open();
    carry("a");
    carrier.close();
    carrier.abandon();
    expect(clock.running).toBe(0);
    await macrotask();
    expect([ends, carrier.bytes]).toEqual([["a LEFT"], one]);
    due[0]!.resolve();
    await macrotask();
    expect(carrier.bytes).toBe(0);
    newCarrier().carrier.abandon();
  });

  it("keeps in memory what waits, and nothing that is over", async () => {
    const { carrier, carry } = newCarrier({ maxWaiting: 100 * one }, () => Promise.resolve());
    carrier.open();
    for (let i = 0; i < 1000; i++) {
      carry("x");
      if (i % 50 === 0) await macrotask();
    }
    await macrotask();
    expect(carrier.bytes).toBe(0);
  });
});
