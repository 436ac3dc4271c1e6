/**
 * Where a call was made, for the stacks of errors that come of it later.
 *
 * An error that a socket brings is made when the runtime calls back: its stack names nobody who could mend anything.
 *
 * @module
 */

/** Lines of a stack that are kept: those of the library's own call and some of its caller's. */
const most = 10;

/** A place in a program; make it inside the call, before anything is awaited. */
export class CallSite {
  // The runtime writes the lines down when somebody reads them, so that a call that succeeds does not pay for them.
  readonly #here = new Error("Called");

  /** Puts the caller's lines behind those of an error's own stack. Where that has none, or cannot be written, it stays. */
  addTo(error: Error): void {
    const { stack } = error;
    const [, ...lines] = String(this.#here.stack).split("\n");
    if (typeof stack !== "string" || lines.length === 0) return;
    try {
      error.stack = [stack, ...lines.slice(0, most)].join("\n");
    } catch {
      // Somebody has frozen it.
    }
  }
}
