/**
 * The events of a WebSocket. They use the runtime's own classes; Node before version 23 has no CloseEvent.
 *
 * @module
 */

import type { Closure } from "../../src/errors.ts";
import { checkArgumentCount } from "./checks.ts";
import type { RuntimeCloseEvent } from "./types.ts";

/** The values of a new CloseEvent. */
export interface CloseEventInit {
  /** Status code of the peer's close frame. Default: 0. */
  readonly code?: number | undefined;
  /** Reason of the peer's close frame. Default: "". */
  readonly reason?: string | undefined;
  /** Whether close frames went both ways. Default: false. */
  readonly wasClean?: boolean | undefined;
}

/** The class of CloseEvents. */
export interface CloseEventClass {
  /** Its instances have these members. */
  readonly prototype: RuntimeCloseEvent;
  /** Makes an event. @param type Such as "close". */
  new (type: string, init?: CloseEventInit): RuntimeCloseEvent;
}

/** A CloseEvent for runtimes that have none. */
export const OwnCloseEvent: CloseEventClass = class CloseEvent extends Event {
  readonly #code: number;
  readonly #reason: string;
  readonly #wasClean: boolean;

  constructor(type: string, init: CloseEventInit = {}) {
    checkArgumentCount("CloseEvent", arguments.length, 1);
    super(type, init as object);
    const { code = 0, reason = "", wasClean = false } = init;
    // Converted to an unsigned short, as Web IDL says.
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

/** CloseEvent: the runtime's own class, if it has one. */
export const CloseEvent: CloseEventClass =
  (globalThis as { readonly CloseEvent?: CloseEventClass }).CloseEvent ?? OwnCloseEvent;

/** The event `error`. Beside the standard's members it has the error. */
class FailureEvent extends Event {
  /** The error. */
  readonly error: unknown;
  /** The error's message. */
  readonly message: string;

  constructor(error: unknown) {
    super("error");
    this.error = error;
    this.message = error instanceof Error ? error.message : String(error);
  }
}

/** Makes the event `error`. */
export function failureEvent(error: unknown): Event {
  return new FailureEvent(error);
}

/** Makes the event `message`. @param origin The origin of the server's URL. */
export function messageEvent(data: unknown, origin: string): Event {
  return new MessageEvent("message", { data, origin });
}

/** Makes the event `close`. */
export function closeEvent({ status, reason, clean }: Closure): Event {
  return new CloseEvent("close", { code: status, reason, wasClean: clean }) as unknown as Event;
}
