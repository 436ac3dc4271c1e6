/**
 * Remembers where a call was made, for the stacks of later errors.
 *
 * An error of a socket is made when the runtime calls back: its own stack does not contain the application's call.
 *
 * @module
 */

/** Lines of a stack that are kept: those of the library's call and some of its caller's. */
const most = 10;

/** A place in a program. Make it inside the call, before anything is awaited. */
export class CallSite {
  // The runtime makes the text of a stack only when it is read, so that a call that succeeds does not pay for it.
  readonly #here = new Error("Called");

  /** Appends the caller's lines to the stack of an error. It does nothing if the error has no stack, or cannot be changed. */
  addTo(error: Error): void {
    const { stack } = error;
    const [, ...lines] = String(this.#here.stack).split("\n");
    if (typeof stack !== "string" || lines.length === 0) return;
    try {
      error.stack = [stack, ...lines.slice(0, most)].join("\n");
    } catch {
      // The error is frozen.
    }
  }
}
