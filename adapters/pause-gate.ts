/**
 * Whether what was read may be delivered: for transports whose runtime reads by promise, and knows no pause of its own.
 *
 * @module
 */

/** Opens and shuts the way from a loop that reads to its handler. */
export class PauseGate {
  #opening: Promise<void> | undefined;
  #open: (() => void) | undefined;

  /** Shuts it. */
  shut(): void {
    this.#opening ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Opens it, for all who wait. */
  open(): void {
    this.#open?.();
    this.#opening = undefined;
  }

  /** Gives what to wait for, undefined where the gate is open. When it comes the gate may be shut again: ask once more. */
  get opening(): Promise<void> | undefined {
    return this.#opening;
  }
}
