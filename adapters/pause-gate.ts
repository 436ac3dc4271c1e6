/**
 * A gate that pauses delivery, for transports whose runtime reads by promise and cannot pause.
 *
 * @module
 */

/** Opens and shuts the way from a reading loop to its handler. */
export class PauseGate {
  #opening: Promise<void> | undefined;
  #open: (() => void) | undefined;

  /** Shuts the gate. */
  shut(): void {
    this.#opening ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Opens the gate for everything that waits. */
  open(): void {
    this.#open?.();
    this.#opening = undefined;
  }

  /**
   * Gives a promise of the opening; undefined if the gate is open. When it resolves the gate may be shut again: check once more.
   */
  get opening(): Promise<void> | undefined {
    return this.#opening;
  }
}
