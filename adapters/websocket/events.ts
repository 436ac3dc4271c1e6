/**
 * Events: the runtime's own classes, but for that of the end, which Node has from version 23 on.
 *
 * @module
 */

import type { Closure } from "../../src/errors.ts";
import { checkArgumentCount } from "./checks.ts";
import type { RuntimeCloseEvent } from "./types.ts";

/** What a CloseEvent is made with. */
export interface CloseEventInit {
  /** Status code of the peer's close frame. Default: 0. */
  readonly code?: number | undefined;
  /** The reason beside it. Default: "". */
  readonly reason?: string | undefined;
  /** Whether close frames went both ways. Default: false. */
  readonly wasClean?: boolean | undefined;
}

/** The class of the event of the end. */
export interface CloseEventClass {
  /** What is made has these members. */
  readonly prototype: RuntimeCloseEvent;
  /** Makes an event. @param type Such as "close". */
  new (type: string, init?: CloseEventInit): RuntimeCloseEvent;
}

/** The event of the end, for runtimes that have none. */
export const OwnCloseEvent: CloseEventClass = class CloseEvent extends Event {
  readonly #code: number;
  readonly #reason: string;
  readonly #wasClean: boolean;

  constructor(type: string, init: CloseEventInit = {}) {
    checkArgumentCount("CloseEvent", arguments.length, 1);
    super(type, init as object);
    const { code = 0, reason = "", wasClean = false } = init;
    // An unsigned short, as Web IDL has it.
    this.#code = new Uint16Array([code])[0]!;
    this.#reason = `${reason}`;
    this.#wasClean = Boolean(wasClean);
  }

  get [Symbol.toStringTag](): string {
    return "CloseEvent";
  }

  get code(): number {
    return this.#code;
  }

  get reason(): string {
    return this.#reason;
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }
} as unknown as CloseEventClass;

/** The event of the end: the runtime's own class, where it has one. */
export const CloseEvent: CloseEventClass =
  (globalThis as { readonly CloseEvent?: CloseEventClass }).CloseEvent ?? OwnCloseEvent;

/** The event of a failure. Beside what the standard has it says why. */
class FailureEvent extends Event {
  /** What went wrong. */
  readonly error: unknown;
  /** It in words. */
  readonly message: string;

  constructor(error: unknown) {
    super("error");
    this.error = error;
    this.message = error instanceof Error ? error.message : String(error);
  }
}

/** Makes the event of a failure. */
export function failureEvent(error: unknown): Event {
  return new FailureEvent(error);
}

/** Makes the event of a message. @param origin Of the server's URL. */
export function messageEvent(data: unknown, origin: string): Event {
  return new MessageEvent("message", { data, origin });
}

/** Makes the event of the end. */
export function closeEvent({ status, reason, clean }: Closure): Event {
  return new CloseEvent("close", { code: status, reason, wasClean: clean }) as unknown as Event;
}
