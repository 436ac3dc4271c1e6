/**
 * Keeps one connection open: the attempts, the waits between them, and the end (RFC 6455, 7.2.3). It does not send or receive
 * messages.
 *
 * Theory of operation. One loop runs from the beginning to the end: an attempt, the life of its connection, the wait before the
 * next attempt. `finish` aborts one signal, which ends each of the three. Only the first call of `finish` has an effect, and its
 * reason is the one that is reported. Then the loop ends, and reports the end last.
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

/** The members of a connection that `reconnecting` uses. A `Connection` has them. */
export interface Reconnectable {
  /** The state of the connection. Messages can be sent while it is "open". */
  readonly state: "open" | "closing" | "closed";
  /** Resolves when the connection has ended. Never rejects. */
  readonly closed: Promise<Closure>;
  /** Sends a message, and keeps no reference to its data. Rejects with `ClosedError` when the connection is closing. */
  send(data: string | Binary | BlobLike | PreparedMessage, options?: SendOptions): Promise<void>;
  /** Gives the next message. Rejects with `ClosedError` when the connection is over and no message is left. */
  receive(options?: { readonly signal?: Signal | undefined }): Promise<Data>;
  /** Closes the connection with a close frame. A second call has no effect. Never rejects. */
  close(status?: StatusCode, reason?: string): Promise<Closure>;
  /** The connection keeps the process alive, as at the start. */
  ref?(): void;
  /** The process may end although the connection is open. */
  unref?(): void;
}

/** One attempt, as the function that connects gets it. */
export interface ConnectAttempt {
  /** Number of the attempt: 1 for the first one, and for the first one after a stable connection. */
  readonly number: number;
  /** Aborts when the connection is no longer wanted: pass it to `connect`. */
  readonly signal: Signal;
  /** The loss before this attempt; undefined for the very first attempt. */
  readonly last: Loss | undefined;
}

/** Options of the attempts, in addition to the waits between them. */
export interface ReconnectorOptions<Ws extends Reconnectable> extends BackoffOptions {
  /**
   * Decides whether to try again after a loss. Default: `isTransient`, which says no if another attempt would fail in the same
   * way.
   */
  readonly shouldReconnect?: ((loss: Loss) => boolean) | undefined;
  /**
   * Prepares each new connection before the application gets it: for example subscribes again, or sends a token. If it throws,
   * the connection is closed with 1011, and the attempt counts as failed.
   */
  readonly resume?: ((ws: Ws, attempt: ConnectAttempt) => unknown) | undefined;
  /** A connection is open, and `resume` is done. If this throws or rejects, the client ends. */
  readonly connected?: ((ws: Ws) => unknown) | undefined;
  /**
   * A connection was lost, or an attempt has failed, and another attempt follows. If this throws or rejects, the client ends.
   *
   * @param delay Milliseconds until the next attempt.
   */
  readonly disconnected?: ((loss: Loss, delay: number) => unknown) | undefined;
  /** Ends the client when this signal aborts, as `close` does. Pending and later calls reject with the signal's reason. */
  readonly signal?: Signal | undefined;
  /**
   * What happens to errors of `open` or a hook that nothing catches: no `disconnected` hook, and no caller that receives or waits
   * for `ready` or `closed`. As the option `unhandledErrors` of a connection. Default: "print".
   */
  readonly unhandledErrors?: UnhandledErrors | undefined;
  /** The source of time. Default: the runtime. */
  readonly clock?: Clock | undefined;
}

/**
 * connecting: an attempt runs. open: a connection is open. waiting: the next attempt will follow. closing: `close` was called, or
 * another end was decided. closed: the client has ended.
 */
export type ReconnectState = "connecting" | "open" | "waiting" | "closing" | "closed";

/**
 * Why there is no further attempt. closed: `close` was called. aborted: `signal` aborted. final: the last loss was not transient.
 * exhausted: `maxAttempts` failed in a row. hook: a hook threw an error.
 */
export type ReconnectEndCause = "closed" | "aborted" | "final" | "exhausted" | "hook";

/** How the client ended. */
export interface ReconnectEnd {
  /** Why there is no further attempt. */
  readonly cause: ReconnectEndCause;
  /** How the last connection ended; undefined if there was none at the end. */
  readonly closure: Closure | undefined;
  /**
   * The error of all later calls: a `ClosedError` if a connection ended last, the error of the last attempt, the signal's reason,
   * or the error of a hook.
   */
  readonly error: unknown;
}

/** Functions that differ between a client with its own protocol code and a browser's client. */
export interface ReconnectRules {
  /** Tells whether another attempt may succeed. */
  isTransient(loss: Loss): boolean;
  /** Gives the milliseconds that the server has asked for in the response to a failed attempt. */
  askedDelay(error: unknown): number;
  /** Tells whether an attempt failed because of the application's own code, and not because of the network or the server. */
  isOwn(error: unknown): boolean;
  /** Gives the function that reports errors that nothing catches. */
  newReporter(choice: UnhandledErrors | undefined): (error: unknown, thrower: ErrorThrower) => void;
  /** Makes the error for a message that does not fit into the buffer. */
  tooMuchBuffered(limit: number, actual: number): Error;
  /** Makes the error for a message that has not come in time. */
  receiveTimeout(milliseconds: number): Error;
}

/** The events of a {@link Reconnector}. */
export interface ReconnectorEvents<Ws> {
  /** A connection is open, and `resume` is done. */
  onReady(ws: Ws): void;
  /** The connection has ended. */
  onLost(): void;
  /** No further connection follows. This is the last event. */
  onEnd(end: ReconnectEnd): void;
  /** Whether the application waits for a promise that reports the end. */
  isAwaited(): boolean;
}

/** Runs from the constructor until {@link finish} has ended it. */
export class Reconnector<Ws extends Reconnectable> {
  readonly clock: Clock;
  /** Whether it keeps the process alive. */
  #holds = true;
  #waiting: Deadline | undefined;
  state: ReconnectState = "connecting";
  /** The last loss. */
  last: Loss | undefined;
  /** How it will end; set as soon as this is known. */
  ending: ReconnectEnd | undefined;
  readonly #open: (attempt: ConnectAttempt) => Promise<Ws>;
  readonly #options: ReconnectorOptions<Ws>;
  readonly #events: ReconnectorEvents<Ws>;
  readonly #rules: ReconnectRules;
  readonly #backoff: Backoff;
  /** Reports an error that nothing catches. */
  readonly #report: (error: unknown, thrower: ErrorThrower) => void;
  /** The connection, from its opening to its end. */
  #held: Ws | undefined;
  /** The time at which the connection was ready. */
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
    // Not at once, because `open` and the hooks may use the variable that gets the result of `reconnecting`.
    queueMicrotask(() => void this.#run());
  }

  /**
   * Ends it: closes the connection, aborts the attempt, or stops waiting. Only the first call has an effect.
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

  /** Sets whether it keeps the process alive, for its connection and for the waits. */
  hold(holds: boolean): void {
    this.#holds = holds;
    this.#waiting?.hold(holds);
    if (this.#held !== undefined) hold(this.#held, holds);
  }

  async #run(): Promise<void> {
    while (this.ending === undefined) {
      const loss = await this.#connect();
      await this.#retryOrEnd(loss);
    }
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.state = "closed";
    this.#events.onEnd(this.ending);
  }

  /** Makes one attempt, and waits for the end of its connection. */
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

  /** Opens a connection and calls `resume`. */
  async #establish(attempt: ConnectAttempt): Promise<Ws> {
    const ws = await this.#open(attempt);
    if (this.ending !== undefined) {
      // The connection has come too late. Nobody else knows it, so it is closed here.
      void ws.close(this.#status, this.#reason);
      return ws;
    }
    this.#held = ws;
    if (!this.#holds) hold(ws, false);
    const { resume } = this.#options;
    if (resume !== undefined) await Promise.race([resume(ws, attempt), rejectAtEnd(ws)]);
    return ws;
  }

  /**
   * Makes the loss of a failed attempt: no connection opened, or it ended early, or `resume` failed, or the attempt was aborted.
   */
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

  /** Decides what follows a loss, and waits before the next attempt. */
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

  /** Reports the error of an attempt if the application's own code has thrown it. */
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
      // Inside the call, because `random` is the application's function, and may throw like a hook.
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

  /** Calls a hook. A hook that sent too late has not failed, since the end of the connection is reported anyway. */
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

/** Rejects at the end of the connection, so that a hook that waits for a message cannot wait for ever. */
async function rejectAtEnd(ws: Reconnectable): Promise<never> {
  throw new ClosedError(await ws.closed);
}
