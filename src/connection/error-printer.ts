/**
 * Prints errors to the console, with limits on their number in a minute and on their length. So a peer that makes an application
 * throw again and again cannot fill a disk. Control characters are escaped, so a peer cannot send commands to a terminal.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type { ErrorSource } from "./error-source.ts";

/** Number of errors that are printed in one period. */
const mostInPeriod = 20;
/** Length of a period, in milliseconds. */
const period = 60_000;
/** Most UTF-16 units of an error's message, and of its whole text. */
const longestMessage = 1024;
const longestText = 4096;
/** Most levels of causes that are printed. */
const mostCauses = 4;

let ofConsole: ErrorPrinter | undefined;

/** Gives the printer that all servers and clients of a process share. */
export function consolePrinter(): ErrorPrinter {
  // `console.error` is looked up at each call, because programs replace it.
  return (ofConsole ??= new ErrorPrinter((text) => {
    console.error(text);
  }, systemClock));
}

/** Prints errors, within limits. */
export class ErrorPrinter {
  readonly #write: (text: string) => void;
  readonly #clock: Clock;
  #beganAt = -Infinity;
  #count = 0;

  constructor(write: (text: string) => void, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
  }

  /** Prints an error, or only counts it if enough were printed in this period. */
  print(error: unknown, source: ErrorSource): void {
    const now = this.#clock.now();
    if (now - this.#beganAt >= period) {
      const left = this.#count - mostInPeriod;
      if (left > 0) this.#write(`[framewire] ${left} errors before this one were not printed`);
      this.#beganAt = now;
      this.#count = 0;
    }
    this.#count++;
    if (this.#count > mostInPeriod) return;
    this.#write(describe(error, source));
    if (this.#count === mostInPeriod) {
      this.#write(
        "[framewire] Further errors of this minute are counted, and not printed: " +
          "see the option unhandledErrors",
      );
    }
  }
}

function describe(error: unknown, { thrower, side, remoteAddress, path }: ErrorSource): string {
  const where = [side, path, remoteAddress].filter((part) => part !== undefined).join(" ");
  const head = `[framewire] Error in ${thrower} that no handler took (${where})`;
  return visible(cut(`${head}\n${textOf(error)}`, longestText));
}

/** Gives the text of an error. A thrown value may be anything, and may throw when it is read. */
function textOf(error: unknown): string {
  try {
    const texts: string[] = [];
    let current = error;
    do {
      texts.push(
        current instanceof Error ? traceOf(current) : cut(String(current), longestMessage),
      );
      current = current instanceof Error ? current.cause : undefined;
    } while (current !== undefined && texts.length <= mostCauses);
    return texts.join("\nCaused by ");
  } catch {
    return "What was thrown cannot be shown";
  }
}

/** Gives name, message and stack. On some engines the stack contains the name and the message. */
function traceOf({ name, message, stack = "" }: Error): string {
  const at = stack.indexOf(message);
  const calls = at < 0 ? stack : stack.slice(at + message.length);
  return `${name}: ${cut(message, longestMessage)}\n${calls.replace(/^\n/, "")}`.trimEnd();
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}...` : text;
}

/** Escapes control characters, except line ends, as in a program's source. */
function visible(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- the control characters are escaped here
    /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/g,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
