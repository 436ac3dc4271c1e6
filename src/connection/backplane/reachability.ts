/**
 * Whether a node reaches its broker, as far as it knows.
 *
 * Theory of operation. The driver reports when the broker is reached and when it is lost. A broker that does not answer in time
 * counts as away, too, until it answers again. Each change of the state is told once; nothing is told after the node has left.
 *
 * @module
 */

import { BackplaneError } from "../../errors.ts";
import type { BackplaneState } from "./backplane.ts";
import type { BackplaneEvent } from "./status.ts";

/** A state that the driver has reported, with the reason. */
export interface ReportedState {
  readonly now: BackplaneState;
  readonly reason: unknown;
}

/** What a node knows of its broker. */
export class Reachability {
  readonly #tell: (event: BackplaneEvent) => void;
  /**
   * "joining": the driver has not joined yet. "reached", "lost": the last state that the driver told, "up" or "down". "left": the
   * end.
   */
  #stage: "joining" | "reached" | "lost" | "left" = "joining";
  /** The last state that the driver told before it had joined. */
  #early: ReportedState = { now: "up", reason: undefined };
  /** Whether an answer of the broker was overdue, and none has come since. */
  #isSilent = false;
  #told: BackplaneState = "up";

  /** @param tell Is called with each change, and must not throw. */
  constructor(tell: (event: BackplaneEvent) => void) {
    this.#tell = tell;
  }

  get state(): BackplaneState {
    return this.#stage === "reached" && !this.#isSilent ? "up" : "down";
  }

  get isJoining(): boolean {
    return this.#stage === "joining";
  }

  get hasLeft(): boolean {
    return this.#stage === "left";
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /**
   * The driver reports a state.
   *
   * @returns The state if it is a change; undefined otherwise, and before the driver has joined.
   */
  report(now: BackplaneState, reason: unknown): BackplaneState | undefined {
    if (this.#stage === "joining") {
      this.#early = { now, reason };
      return undefined;
    }
    return this.#stage === (now === "up" ? "lost" : "reached") ? now : undefined;
  }

  /** The driver has joined. @returns The last state that it reported before. */
  enter(): ReportedState {
    this.#stage = "lost";
    return this.#early;
  }

  /** The broker is there. {@link tell} tells it. */
  reach(): void {
    this.#stage = "reached";
    this.#isSilent = false;
  }

  /** The broker is away. {@link tell} tells it. */
  lose(): void {
    this.#stage = "lost";
  }

  /** The node has left. */
  leave(): void {
    this.#stage = "left";
  }

  /** An answer of the broker is overdue. */
  overdue(): void {
    if (this.#stage !== "reached") return;
    this.#isSilent = true;
    this.tell(new BackplaneError("TIMEOUT"));
  }

  /** The broker has answered. @returns Whether it had been silent; {@link tell} then tells that it is back. */
  answered(): boolean {
    const wasSilent = this.#isSilent;
    this.#isSilent = false;
    return wasSilent;
  }

  /** Tells the state if it has changed. @param error Why the state may be "down". */
  tell(error?: BackplaneError): void {
    const { state } = this;
    if (state === this.#told || this.#stage === "left") return;
    this.#told = state;
    this.#tell(error === undefined ? { type: "up" } : { type: "down", error });
  }
}
