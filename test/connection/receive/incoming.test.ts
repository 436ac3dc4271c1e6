import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { Incoming, wholeMessage } from "../../../src/connection/receive/incoming.ts";
import { Unread } from "../../../src/connection/receive/unread.ts";
import { cuts } from "../../support/cuts.ts";
import { macrotask } from "../../support/turns.ts";

/** Counts units without what each piece costs beside them. */
class Units extends Unread {
  units = 0;
  pieces = 0;
  /** Called when something is read. */
  onRead: () => void = () => {};

  constructor() {
    super({ onFull() {}, onRoom() {} }, Infinity);
  }

  override add(size: number): void {
    this.units += size;
    this.pieces++;
  }

  override remove(size: number): void {
    this.units -= size;
    this.pieces--;
    this.onRead();
  }
}

/** A message, and how many units of it are unread. */
function newIncoming(isText: boolean): { message: Incoming; unread: () => number; units: Units } {
  const units = new Units();
  return { message: new Incoming(isText, units), unread: () => units.units, units };
}

/** Adds bytes of which nothing is the message's to keep. */
function add(message: Incoming, bytes: Uint8Array): void {
  const chunk = concat([Uint8Array.of(255, 255), bytes, Uint8Array.of(255)]);
  message.add(chunk, 2, 2 + bytes.length);
  chunk.fill(0);
}

describe("a message in pieces", () => {
  it("is read in a loop, as bytes that belong to the reader", async () => {
    const { message, unread } = newIncoming(false);
    add(message, Uint8Array.of(1, 2));
    add(message, Uint8Array.of(3));
    expect(unread()).toBe(3);
    message.complete();
    const pieces: unknown[] = [];
    for await (const piece of message) pieces.push(piece);
    expect(pieces).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)]);
    expect(unread()).toBe(0);
  });

  it("gives pieces to a reader that waits, and counts those as read", async () => {
    const { message, unread } = newIncoming(true);
    const first = message.next();
    add(message, encodeUtf8("a"));
    expect(await first).toEqual({ done: false, value: "a" });
    expect(unread()).toBe(0);
    const end = message.next();
    message.complete();
    expect(await end).toEqual({ done: true, value: undefined });
    expect(await message.next()).toEqual({ done: true, value: undefined });
  });

  it("has whole characters in each piece, wherever text is cut", async () => {
    const whole = "\uFEFFa\u00FC\u20AC\u{1F9ED}";
    for (const pieces of cuts(encodeUtf8(whole))) {
      const { message } = newIncoming(true);
      for (const piece of pieces) add(message, piece);
      message.complete();
      const read: string[] = [];
      for await (const piece of message) read.push(piece as string);
      expect(read.join("")).toBe(whole);
      for (const piece of read) expect(piece).not.toMatch(/^$|\uFFFD/);
    }
  });

  it("is gathered as text or as bytes", async () => {
    for (const parts of [[], ["one"], ["one", "two"]]) {
      const asText = newIncoming(true).message;
      const asBytes = newIncoming(true).message;
      const binary = newIncoming(false).message;
      for (const part of parts) {
        for (const message of [asText, asBytes, binary]) add(message, encodeUtf8(part));
      }
      for (const message of [asText, asBytes, binary]) message.complete();
      expect(await asText.text()).toBe(parts.join(""));
      expect(await asBytes.bytes()).toEqual(encodeUtf8(parts.join("")));
      expect(await binary.bytes()).toEqual(encodeUtf8(parts.join("")));
    }
    await expect(newIncoming(false).message.text()).rejects.toThrow("use bytes()");
  });

  it("fails if it is not completed, after the pieces that came", async () => {
    const { message } = newIncoming(true);
    add(message, encodeUtf8("begun"));
    message.fail(new Error("gone"));
    message.complete();
    expect(await message.next()).toEqual({ done: false, value: "begun" });
    await expect(message.next()).rejects.toThrow("gone");
    const waiting = newIncoming(true).message;
    const next = waiting.next();
    waiting.fail(new Error("gone"));
    await expect(next).rejects.toThrow("gone");
  });

  it("drops the rest if the loop ends early", async () => {
    const { message, unread } = newIncoming(false);
    add(message, Uint8Array.of(1));
    add(message, Uint8Array.of(2));
    for await (const _ of message) {
      expect(_).toEqual(Uint8Array.of(1));
      break;
    }
    expect(unread()).toBe(0);
    add(message, Uint8Array.of(3));
    message.complete();
    expect(unread()).toBe(0);
    expect(await message.next()).toEqual({ done: true, value: undefined });
  });

  it("drops what comes while the rest is dropped, since making room may bring more at once", () => {
    const { message, units } = newIncoming(false);
    add(message, Uint8Array.of(1));
    add(message, Uint8Array.of(2));
    units.onRead = () => {
      add(message, Uint8Array.of(3));
    };
    message.drop();
    expect([units.units, units.pieces]).toEqual([0, 0]);
  });

  it("drops nothing of what was given already, and answers those who wait when it is dropped", async () => {
    const { message, units } = newIncoming(true);
    const first = message.next();
    const second = message.next();
    add(message, encodeUtf8("a"));
    message.drop();
    expect(await first).toEqual({ done: false, value: "a" });
    expect(await second).toEqual({ done: true, value: undefined });
    expect(units.pieces).toBe(0);
  });

  it("gives nothing more once it was dropped, even if it was complete or had failed", async () => {
    const complete = newIncoming(true);
    add(complete.message, encodeUtf8("a"));
    complete.message.complete();
    complete.message.drop();
    expect(await complete.message.next()).toEqual({ done: true, value: undefined });
    expect(complete.units.pieces).toBe(0);
    const failed = newIncoming(true).message;
    failed.fail(new Error("gone"));
    failed.drop();
    expect(await failed.next()).toEqual({ done: true, value: undefined });
  });

  it("rejects for those who read too late, and drops the rest", async () => {
    const missed = (): Error => new Error("missed");
    const { message, units } = newIncoming(false);
    add(message, Uint8Array.of(1));
    message.miss(missed);
    add(message, Uint8Array.of(2));
    message.complete();
    expect(units.pieces).toBe(0);
    await expect(message.next()).rejects.toThrow("missed");
    const waiting = newIncoming(false).message;
    const next = waiting.next();
    waiting.miss(missed);
    await expect(next).rejects.toThrow("missed");
    const whole = newIncoming(false);
    add(whole.message, Uint8Array.of(1));
    whole.message.complete();
    whole.message.miss(missed);
    await expect(whole.message.next()).rejects.toThrow("missed");
    expect(whole.units.pieces).toBe(0);
  });

  it("is not read too late if all was read, if the rest was dropped, or if it has failed", async () => {
    const missed = (): Error => new Error("missed");
    const [read, left, failed] = [1, 2, 3].map(() => newIncoming(false).message);
    read!.complete();
    left!.drop();
    failed!.fail(new Error("gone"));
    for (const message of [read!, left!, failed!]) message.miss(missed);
    expect(await read!.next()).toEqual({ done: true, value: undefined });
    expect(await left!.next()).toEqual({ done: true, value: undefined });
    await expect(failed!.next()).rejects.toThrow("gone");
  });

  it("gives each of several readers its own piece, in their order", async () => {
    const { message, units } = newIncoming(false);
    const asked = [1, 2, 3, 4].map(() => message.next());
    for (const byte of [1, 2, 3]) add(message, Uint8Array.of(byte));
    message.complete();
    expect(await Promise.all(asked)).toEqual([
      ...[1, 2, 3].map((byte) => ({ done: false, value: Uint8Array.of(byte) })),
      { done: true, value: undefined },
    ]);
    expect(units.pieces).toBe(0);
  });

  it("rejects for all who wait if it is not completed", async () => {
    const { message } = newIncoming(false);
    const asked = [message.next(), message.next()];
    message.fail(new Error("gone"));
    for (const next of asked) await expect(next).rejects.toThrow("gone");
  });

  it("reports no rejection as unhandled that nobody awaits", async () => {
    // The runner fails for each that is: there is nothing to expect beside.
    const { message } = newIncoming(true);
    void message.text();
    void message.bytes();
    void message.next();
    message.fail(new Error("gone"));
    void newIncoming(false).message.text();
    await macrotask();
    await expect(message.text()).rejects.toThrow("gone");
  });

  it("is not counted any more if it came whole", async () => {
    expect(await wholeMessage("all of it").text()).toBe("all of it");
    expect(await wholeMessage(Uint8Array.of(1)).bytes()).toEqual(Uint8Array.of(1));
    expect(wholeMessage("").isText).toBe(true);
    // Larger than anything that may be unread: the mark is nobody's.
    const large = new Uint8Array(1 << 20);
    expect(await wholeMessage(large).bytes()).toBe(large);
  });

  it("may be whole from the beginning", async () => {
    const { message } = newIncoming(true);
    message.complete("all of it");
    expect(await message.text()).toBe("all of it");
    const empty = newIncoming(true).message;
    empty.complete("");
    expect(await empty.next()).toEqual({ done: true, value: undefined });
  });
});

describe("a message as a ReadableStream", () => {
  it("reads a piece when it is asked for one, and no sooner", async () => {
    const { message, unread } = newIncoming(true);
    const stream = message.readable as ReadableStream<string>;
    expect(message.readable).toBe(stream);
    add(message, encodeUtf8("one"));
    add(message, encodeUtf8("two"));
    await macrotask();
    expect(unread()).toBe(6);
    const reader = stream.getReader();
    expect(await reader.read()).toEqual({ done: false, value: "one" });
    expect(unread()).toBe(3);
    expect(await reader.read()).toEqual({ done: false, value: "two" });
    message.complete();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  });

  it("fails with the message", async () => {
    const { message } = newIncoming(true);
    const reader = (message.readable as ReadableStream<string>).getReader();
    message.fail(new Error("gone"));
    await expect(reader.read()).rejects.toThrow("gone");
  });

  it("drops the rest when it is canceled", async () => {
    const { message, unread } = newIncoming(true);
    add(message, encodeUtf8("one"));
    await (message.readable as ReadableStream<string>).cancel();
    add(message, encodeUtf8("two"));
    expect(unread()).toBe(0);
  });
});

describe("Incoming, gathered up to a limit,", () => {
  const tooBig = { code: "MESSAGE_TOO_BIG", limit: 4, message: "More than limit: 6 > 4" };

  it.each(["text", "bytes", "json"] as const)(
    "by %s: keeps nothing of a larger one",
    async (method) => {
      const { message, unread } = newIncoming(true);
      const result = message[method]({ limit: 4 });
      add(message, encodeUtf8("123"));
      await macrotask();
      add(message, encodeUtf8("456"));
      await expect(result).rejects.toMatchObject(tooBig);
      add(message, encodeUtf8("789"));
      expect(unread()).toBe(0);
    },
  );

  it("counts bytes of UTF-8, in text as in bytes", async () => {
    expect(await wholeMessage("ä€").text({ limit: 5 })).toBe("ä€");
    await expect(wholeMessage("ä€").text({ limit: 4 })).rejects.toMatchObject({ actual: 5 });
    await expect(wholeMessage("ä€").bytes({ limit: 4 })).rejects.toMatchObject({ actual: 5 });
  });

  it("gives JSON, and throws if the text is not JSON", async () => {
    expect(await wholeMessage('{"a":1}').json()).toEqual({ a: 1 });
    await expect(wholeMessage("{").json()).rejects.toThrow(SyntaxError);
    await expect(wholeMessage(Uint8Array.of(123)).json()).rejects.toThrow("Message is binary");
  });

  it("reads 0 as no limit, and refuses an invalid one", async () => {
    expect(await wholeMessage("12345").text({ limit: 0 })).toBe("12345");
    await expect(wholeMessage("x").text({ limit: "5" as never })).rejects.toThrow(TypeError);
    await expect(wholeMessage("x").bytes({ limit: -1 })).rejects.toThrow(RangeError);
    await expect(wholeMessage("x").text({ limt: 5 } as never)).rejects.toThrow(
      "Unknown option limt",
    );
  });
});
