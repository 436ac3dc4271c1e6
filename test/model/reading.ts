import type { IncomingMessage } from "../../src/connection/receive/incoming.ts";
import type { Data } from "./content.ts";
import { joined } from "./content.ts";
import { type Journal, Mishap, type Receipt } from "./journal.ts";
import type { Reading } from "./setup.ts";

/** How a message that comes in pieces is read, and what is noted of it. */

/** What reading needs of the side that reads. */
export interface Reader {
  readonly journal: Journal;
  after(turns: number): Promise<void>;
  gate(): Promise<void>;
  never(): Promise<never>;
}

/** Reads a message in one of the ways; a handler returns what this returns. */
export function read(
  reader: Reader,
  message: IncomingMessage,
  how: Reading,
  receipt: Receipt,
): unknown {
  receipt.state = "reading";
  receipt.text = message.isText;
  receipt.data = joined([], message.isText);
  const pieces: Data[] = [];
  const take = (piece: Data): void => {
    reader.journal.stamp();
    pieces.push(piece);
    receipt.data = joined(pieces, message.isText);
  };
  if (how === "throw" || how === "none") {
    receipt.state = "left";
    if (how === "throw") throw new Mishap("stream throws");
    return undefined;
  }
  const done = readIn(reader, message, how, receipt, take);
  if (how !== "keep") return done;
  // Where a handler returns at once, what it reads later is nobody's duty to give.
  done.catch(() => {});
  return undefined;
}

async function readIn(
  reader: Reader,
  message: IncomingMessage,
  how: Reading,
  receipt: Receipt,
  take: (piece: Data) => void,
): Promise<void> {
  try {
    await readPieces(reader, message, how, take);
    receipt.state = leaves.includes(how) ? "left" : "whole";
  } catch (error) {
    receipt.state = error instanceof Mishap ? "left" : "broken";
    throw error;
  }
}

/** Those that do not read to the end. */
const leaves: readonly Reading[] = [
  "one",
  "oneLater",
  "noneLater",
  "keep",
  "throwAfterOne",
  "never",
];

async function readPieces(
  reader: Reader,
  message: IncomingMessage,
  how: Reading,
  take: (piece: Data) => void,
): Promise<void> {
  switch (how) {
    case "noneLater":
      await reader.after(2);
      return;
    case "throwLater":
      await reader.after(2);
      throw new Mishap("stream throws later");
    case "never":
      await reader.never();
      return;
    case "gather":
      take(message.isText ? await message.text() : await message.bytes());
      return;
    case "readable": {
      const source = message.readable.getReader();
      for (let step = await source.read(); !step.done; step = await source.read()) {
        take(step.value as Data);
      }
      return;
    }
    case "several":
      await readSeveral(message, take);
      return;
    default:
      if (how === "gate") await reader.gate();
      for await (const piece of message) {
        take(piece);
        if (how === "slow") await reader.after(1);
        if (how === "throwAfterOne") throw new Mishap("stream throws after a piece");
        if (how === "oneLater") await reader.after(2);
        if (how === "one" || how === "oneLater") return;
      }
  }
}

/** Three steps at once, again and again: each gives a piece of its own. */
async function readSeveral(message: IncomingMessage, take: (piece: Data) => void): Promise<void> {
  const steps = message[Symbol.asyncIterator]();
  for (;;) {
    const results = await Promise.all([steps.next(), steps.next(), steps.next()]);
    for (const { done, value } of results) if (done !== true) take(value);
    if (results.some(({ done }) => done === true)) return;
  }
}
