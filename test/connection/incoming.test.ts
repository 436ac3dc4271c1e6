import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { Incoming } from "../../src/connection/incoming.ts";
import { cuts } from "../support/cuts.ts";
import { macrotask } from "../support/turns.ts";

/** A message, and how many units of it are unread. */
function newIncoming(isText: boolean): { message: Incoming; unread: () => number } {
  let unread = 0;
  const message = new Incoming(isText, (change) => {
    unread += change;
  });
  return { message, unread: () => unread };
}

/** Adds bytes of which nothing is the message's to keep. */
function add(message: Incoming, bytes: Uint8Array): void {
  const chunk = concat([Uint8Array.of(255, 255), bytes, Uint8Array.of(255)]);
  message.add(chunk, 2, 2 + bytes.length);
  chunk.fill(0);
}

describe("a message in pieces", () => {
  it("is read in a loop, as bytes of one's own", async () => {
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

  it("gives pieces to one who waits, and counts those as read", async () => {
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

  it("fails where it is not completed, after what came of it", async () => {
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

  it("drops the rest where the loop ends early", async () => {
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
  it("takes a piece when it is read, and no sooner", async () => {
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
