/**
 * Keeps one connection up: attempts, the waits between them, and the end of it all (RFC 6455, 7.2.3).
 *
 * What is sent and received is none of its business.
 *
 * Theory of operation. One loop runs from the beginning to the end: an attempt, the life of its connection, the wait before the next
 * attempt. Each of the three is given up by one signal, which `finish` aborts; `finish` works once, and its reason is the one that
 * is told. The loop ends behind it, and tells the end as its last act.
 *
 * @module
 */

import { type Clock, type Deadline, systemClock } from "../../clock.ts";
import { isPromise, newDeferred, whenSettled } from "../../deferred.ts";
import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { ClosedError, type Closure } from "../../errors.ts";
import { type StatusCode, StatusInternalServerError, StatusNormalClosure } from "../../status.ts";
import { startTimer } from "../../timer.ts";
import type { Signal } from "../../transport.ts";
import { AbortSource } from "./abort-source.ts";
import {
  type Backoff,
  type BackoffOptions,
  delayAfter,
  type Loss,
  resolveBackoff,
} from "./backoff.ts";
import type { ErrorThrower } from "../error-source.ts";
import type { UnhandledErrors } from "../unhandled-errors.ts";
import type { SendOptions } from "../send/prepare.ts";
import type { Binary, BlobLike, Data } from "../data.ts";

/** What `reconnecting` uses of a connection; a `Connection` has it. */
export interface Reconnectable {
  /** Whether it may be sent on: while it is open. */
  readonly state: "open" | "closing" | "closed";
  /** How it ended; never rejects. */
  readonly closed: Promise<Closure>;
  /** Sends a message, of which nothing is kept; rejects with `ClosedError` once it is closing. */
  send(data: string | Binary | BlobLike | PreparedMessage, options?: SendOptions): Promise<void>;
  /** Rejects with `ClosedError` once it is over and nothing is left. */
  receive(options?: { readonly signal?: Signal | undefined }): Promise<Data>;
  /** Closes it with a close frame; calling it again changes nothing. Never rejects. */
  close(status?: StatusCode, reason?: string): Promise<Closure>;
  /** The process lives on for it, as at the beginning. */
  ref?(): void;
  /** The process may end although it is open. */
  unref?(): void;
}

/** One attempt at a connection, as the function that makes it sees it. */
export interface ConnectAttempt {
  /** 1 for the first, and for the first after a connection that was stable. */
  readonly number: number;
  /** Aborted when nobody wants the connection any more: hand it to `connect`. */
  readonly signal: Signal;
  /** What was lost before it; undefined at the very first attempt. */
  readonly last: Loss | undefined;
}

/** How a connection is kept up, beside the times. */
export interface ReconnectorOptions<Ws extends Reconnectable> extends BackoffOptions {
  /** Decides whether a loss is followed by another attempt. Default: `isTransient`, which says no to what would only fail again. */
  readonly shouldReconnect?: ((loss: Loss) => boolean) | undefined;
  /**
   * Prepares each new connection before anybody else gets it: subscribes again, sends a token. What it throws closes
   * that connection with 1011, and the attempt has failed.
   */
  readonly resume?: ((ws: Ws, attempt: ConnectAttempt) => unknown) | undefined;
  /** A connection is there, and resumed. Throwing ends it all; so does a promise that rejects. */
  readonly connected?: ((ws: Ws) => unknown) | undefined;
  /**
   * A connection was lost, or an attempt failed, and another attempt follows. Throwing ends it all, as above.
   *
   * @param delay Milliseconds until then.
   */
  readonly disconnected?: ((loss: Loss, delay: number) => unknown) | undefined;
  /** Ends it all when it is aborted, as `close` does; the rest rejects with its reason. */
  readonly signal?: Signal | undefined;
  /**
   * What becomes of errors that `open` or a hook throws and nobody takes: neither `disconnected`, nor a caller that receives or waits for
   * `ready` or `closed`. As the option of the same name of a connection. Default: "print".
   */
  readonly unhandledErrors?: UnhandledErrors | undefined;
  /** Where time is kept. Default: the runtime's own. */
  readonly clock?: Clock | undefined;
}

/** Where it stands: an attempt is under way, a connection is there, a wait is on, it is being closed, it is over. */
export type ReconnectState = "connecting" | "open" | "waiting" | "closing" | "closed";

/**
 * Why there is no further attempt: `close` was called, `signal` was aborted, the last loss was no transient one,
 * `maxAttempts` failed in a row, or a hook threw.
 */
export type ReconnectEndCause = "closed" | "aborted" | "final" | "exhausted" | "hook";

/** How it ended for good. */
export interface ReconnectEnd {
  /** Why there is no further attempt. */
  readonly cause: ReconnectEndCause;
  /** How the connection ended that was there at the end; undefined where there was none. */
  readonly closure: Closure | undefined;
  /**
   * What everything that is asked for afterwards rejects with: `ClosedError` where the end of a connection was the last
   * word, what the last attempt failed with, the signal's reason, or what the hook threw.
   */
  readonly error: unknown;
}

/** What is said of a loss, and of what a caller asks too much of, where a client has a protocol of its own or a browser's. */
export interface ReconnectRules {
  /** Whether another attempt may fare better. */
  isTransient(loss: Loss): boolean;
  /** Milliseconds that the server has asked for, by what an attempt failed with. */
  askedDelay(error: unknown): number;
  /** Whether an attempt failed by what the application's own code has thrown, rather than by the network or the server. */
  isOwn(error: unknown): boolean;
  /** Gives what tells of errors that nobody takes. */
  newReporter(choice: UnhandledErrors | undefined): (error: unknown, thrower: ErrorThrower) => void;
  /** The error for a message that there is no room for. */
  tooMuchBuffered(limit: number, actual: number): Error;
  /** The error for a message that has not come in time. */
  receiveTimeout(milliseconds: number): Error;
}

/** Who is told of what a {@link Reconnector} does. */
export interface ReconnectorEvents<Ws> {
  /** A connection is open and resumed. */
  onReady(ws: Ws): void;
  /** It has ended. */
  onLost(): void;
  /** There will be no other one: the last call. */
  onEnd(end: ReconnectEnd): void;
  /** Whether anybody waits for something that tells of the end. */
  isAwaited(): boolean;
}

/** Runs from its making to its end, which {@link finish} brings about. */
export class Reconnector<Ws extends Reconnectable> {
  readonly clock: Clock;
  /** Whether the process lives on for it. */
  #holds = true;
  /** The wait between two attempts, while it is on. */
  #waiting: Deadline | undefined;
  state: ReconnectState = "connecting";
  /** What was lost last. */
  last: Loss | undefined;
  /** How it ends; set as soon as that is known. */
  ending: ReconnectEnd | undefined;
  readonly #open: (attempt: ConnectAttempt) => Promise<Ws>;
  readonly #options: ReconnectorOptions<Ws>;
  readonly #events: ReconnectorEvents<Ws>;
  readonly #rules: ReconnectRules;
  readonly #backoff: Backoff;
  /** Tells of an error that nobody takes. */
  readonly #report: (error: unknown, thrower: ErrorThrower) => void;
  /** The connection, from its opening to its end. */
  #held: Ws | undefined;
  /** When it was resumed, on the clock. */
  #since = Infinity;
  #failed = 0;
  readonly #stop = new AbortSource();
  #status: StatusCode = StatusNormalClosure;
  #reason = "";
  readonly #onAbort = (): void => {
    const error = this.#options.signal!.reason;
    this.finish({ cause: "aborted", closure: undefined, error });
  };

  /** @throws {RangeError} An option is out of its range. */
  constructor(
    open: (attempt: ConnectAttempt) => Promise<Ws>,
    options: ReconnectorOptions<Ws>,
    rules: ReconnectRules,
    events: ReconnectorEvents<Ws>,
  ) {
    const { clock, signal } = options;
    this.#open = open;
    this.#options = options;
    this.#rules = rules;
    this.#events = events;
    this.#backoff = resolveBackoff(options);
    this.#report = rules.newReporter(options.unhandledErrors);
    this.clock = clock ?? systemClock;
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort);
    // Not at once: `open` and the hooks may name what `reconnecting` is about to return.
    queueMicrotask(() => void this.#run());
  }

  /**
   * Ends it, once, whatever is under way: closes the connection, or aborts the attempt, or waits no longer.
   *
   * @param status For the close frame.
   */
  finish(end: ReconnectEnd, status: StatusCode = StatusNormalClosure, reason = ""): void {
    if (this.ending !== undefined) return;
    this.ending = end;
    this.#status = status;
    this.#reason = reason;
    this.state = "closing";
    this.#stop.abort(end.error);
    void this.#held?.close(status, reason);
  }

  /** Says whether the process lives on for it: for its connections, and for the waits between them. */
  hold(holds: boolean): void {
    this.#holds = holds;
    this.#waiting?.hold(holds);
    if (this.#held !== undefined) hold(this.#held, holds);
  }

  /** From the first attempt to the end. */
  async #run(): Promise<void> {
    while (this.ending === undefined) {
      const loss = await this.#connect();
      await this.#retryOrEnd(loss);
    }
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.state = "closed";
    this.#events.onEnd(this.ending);
  }

  /** One attempt, and the life of the connection that comes of it. */
  async #connect(): Promise<Loss> {
    const attempt = new AbortSource();
    const unfollow = attempt.follow(this.#stop);
    this.state = "connecting";
    let ws: Ws;
    try {
      const number = this.#failed + 1;
      ws = await attempt.race(this.#establish({ number, signal: attempt, last: this.last }));
      attempt.check();
    } catch (error) {
      return await this.#failure(error);
    } finally {
      unfollow();
    }
    this.#since = this.clock.now();
    this.state = "open";
    this.#events.onReady(ws);
    this.#call("connected", () => this.#options.connected?.(ws));
    const closure = await ws.closed;
    this.#held = undefined;
    this.#events.onLost();
    return { closure, error: closure.error };
  }

  /** Opens and resumes a connection. */
  async #establish(attempt: ConnectAttempt): Promise<Ws> {
    const ws = await this.#open(attempt);
    if (this.ending !== undefined) {
      // It comes too late, and nobody else knows of it.
      void ws.close(this.#status, this.#reason);
      return ws;
    }
    this.#held = ws;
    if (!this.#holds) hold(ws, false);
    const { resume } = this.#options;
    if (resume !== undefined) await Promise.race([resume(ws, attempt), rejectAtEnd(ws)]);
    return ws;
  }

  /** Nothing came of an attempt: it failed, its connection ended or could not be resumed, or nobody wants it. */
  async #failure(error: unknown): Promise<Loss> {
    const ws = this.#held;
    if (ws === undefined) return { closure: undefined, error };
    this.#held = undefined;
    if (ws.state === "open") {
      void ws.close(StatusInternalServerError);
      return { closure: undefined, error };
    }
    const closure = await ws.closed;
    return { closure, error: closure.error };
  }

  /** Decides what follows a loss, and waits for it. */
  async #retryOrEnd(loss: Loss): Promise<void> {
    this.last = loss;
    if (this.ending !== undefined) {
      this.ending = { ...this.ending, closure: loss.closure };
      return;
    }
    const { stableAfter, maxAttempts } = this.#backoff;
    const wasStable = this.clock.now() - this.#since >= stableAfter;
    this.#since = Infinity;
    this.#failed = wasStable ? 0 : this.#failed + 1;
    if (!this.#shouldReconnect(loss)) this.#giveUp("final", loss);
    else if (this.#failed >= maxAttempts) this.#giveUp("exhausted", loss);
    else {
      if (this.#options.disconnected === undefined) this.#reportAttempt(loss);
      await this.#wait(loss);
    }
  }

  /** Tells what an attempt failed with, where it was the application's own code. */
  #reportAttempt({ closure, error }: Loss): void {
    if (closure === undefined && this.#rules.isOwn(error)) this.#report(error, "reconnecting");
  }

  #giveUp(cause: ReconnectEndCause, loss: Loss): void {
    const { closure, error } = loss;
    if (!this.#events.isAwaited()) this.#reportAttempt(loss);
    this.finish({
      cause,
      closure,
      error: closure === undefined ? error : new ClosedError(closure),
    });
  }

  #shouldReconnect(loss: Loss): boolean {
    const { shouldReconnect = this.#rules.isTransient } = this.#options;
    let answer = false;
    this.#call("shouldReconnect", () => {
      answer = shouldReconnect(loss);
    });
    return answer;
  }

  async #wait(loss: Loss): Promise<void> {
    let delay = 0;
    this.state = "waiting";
    this.#call("disconnected", () => {
      // By `random`, which is the caller's as a hook is.
      delay = delayAfter(loss, this.#failed, this.#backoff, this.#rules.askedDelay(loss.error));
      return this.#options.disconnected?.(loss, delay);
    });
    if (this.#stop.aborted) return;
    const over = newDeferred<void>();
    this.#waiting = startTimer(this.clock, delay, over.resolve);
    this.#waiting.hold(this.#holds);
    this.#stop.addEventListener("abort", over.resolve);
    await over.promise;
    this.#stop.removeEventListener("abort", over.resolve);
    this.#waiting.cancel();
    this.#waiting = undefined;
  }

  /** Calls a hook. One that sent too late has failed at nothing: the end of the connection is told anyway. */
  #call(name: ErrorThrower, hook: () => unknown): void {
    const fail = (error: unknown): void => {
      if (error instanceof ClosedError) return;
      if (!this.#events.isAwaited()) this.#report(error, name);
      this.finish({ cause: "hook", closure: undefined, error }, StatusInternalServerError);
    };
    try {
      const result = hook();
      if (isPromise(result)) whenSettled(result, undefined, fail);
    } catch (error) {
      fail(error);
    }
  }
}

function hold(ws: Reconnectable, holds: boolean): void {
  if (holds) ws.ref?.();
  else ws.unref?.();
}

/** So that a hook which waits for what never comes does not wait for ever. */
async function rejectAtEnd(ws: Reconnectable): Promise<never> {
  throw new ClosedError(await ws.closed);
}
