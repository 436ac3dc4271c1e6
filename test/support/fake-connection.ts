import { ClosedError, type Closure } from "../../src/errors.ts";
import type { Data } from "../../src/connection/data.ts";
import type { Reconnectable } from "../../src/connection/client/reconnector.ts";
import type { ConnectAttempt } from "../../src/connection/client/reconnector.ts";
import { newDeferred } from "../../src/deferred.ts";
import type { Signal } from "../../src/transport.ts";

/** A connection without a network: a test says what comes, and how it ends. */
export class FakeConnection implements Reconnectable {
  state: "open" | "closing" | "closed" = "open";
  readonly sent: unknown[] = [];
  /** What was closed with, as "1000 bye". */
  readonly closes: string[] = [];
  /** Whether the peer answers a close frame at once. */
  answersClose = true;
  readonly #closed = newDeferred<Closure>();
  readonly #messages: Data[] = [];
  #wake = newDeferred<void>();

  get closed(): Promise<Closure> {
    return this.#closed.promise;
  }

  send(data: unknown): Promise<void> {
    if (typeof data === "number") throw new TypeError("Data must be a string");
    this.sent.push(data);
    return Promise.resolve();
  }

  async receive({ signal }: { readonly signal?: Signal | undefined } = {}): Promise<Data> {
    const aborted = newDeferred<never>();
    signal?.addEventListener("abort", () => {
      aborted.reject(signal.reason);
    });
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.state !== "open") throw new ClosedError(closure({ status: 1006 }));
      await Promise.race([this.#wake.promise, aborted.promise]);
    }
  }

  close(status = 1000, reason = ""): Promise<Closure> {
    this.closes.push(`${status} ${reason}`.trim());
    this.state = "closing";
    this.#notify();
    if (this.answersClose) this.end({ status, reason, initiator: "local" });
    return this.closed;
  }

  /** A message comes. */
  deliver(message: Data): void {
    this.#messages.push(message);
    this.#notify();
  }

  /** The connection ends: by the peer, cleanly, unless something else is said. */
  end(how: Partial<Closure>): void {
    this.state = "closed";
    this.#closed.resolve(closure(how));
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = newDeferred();
  }
}

/** A clean closure by the peer, unless something else is said. */
export function closure(how: Partial<Closure> = {}): Closure {
  const { status = 1000 } = how;
  return { status, reason: "", clean: status !== 1006, initiator: "peer", ...how };
}

/** An attempt that a test lets succeed or fail. */
export interface FakeAttempt extends ConnectAttempt {
  succeed(): FakeConnection;
  fail(error: unknown): void;
}

/** What opens connections for a test, and the attempts at it so far. */
export function newAttempts(): {
  readonly attempts: FakeAttempt[];
  readonly open: (attempt: ConnectAttempt) => Promise<FakeConnection>;
} {
  const attempts: FakeAttempt[] = [];
  return {
    attempts,
    open(attempt) {
      const opening = newDeferred<FakeConnection>();
      attempts.push({
        ...attempt,
        succeed() {
          const ws = new FakeConnection();
          opening.resolve(ws);
          return ws;
        },
        fail: opening.reject,
      });
      return opening.promise;
    },
  };
}
