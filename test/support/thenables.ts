/** Makes an error each time, so that its text tells where it came from. */
function failure(text: string): Error {
  return new Error(text);
}

/**
 * What a careless or a hostile handler may return instead of a promise, and what `await` makes of it: "done: ..." or
 * "failed: ...".
 */
export const oddThenables: readonly [what: string, make: () => unknown, outcome: string][] = [
  [
    "a thenable whose `then` throws",
    () => ({
      then() {
        throw failure("thrown");
      },
    }),
    "failed: thrown",
  ],
  [
    "one whose `then` cannot be read",
    () => ({
      get then(): never {
        throw failure("unreadable");
      },
    }),
    "failed: unreadable",
  ],
  [
    "one that calls back at once, twice and both ways",
    () => ({
      then(done: (value: unknown) => void, failed: (reason: unknown) => void) {
        done(undefined);
        done("second");
        failed(failure("third"));
        throw failure("fourth");
      },
    }),
    "done: undefined",
  ],
  [
    "one that fails first and then is done",
    () => ({
      then(done: (value: unknown) => void, failed: (reason: unknown) => void) {
        failed(failure("first"));
        done(undefined);
      },
    }),
    "failed: first",
  ],
  [
    "a function that is a thenable",
    () =>
      Object.assign(() => {}, {
        then(done: (value: unknown) => void) {
          done(undefined);
        },
      }),
    "done: undefined",
  ],
  [
    "a promise whose own `then` throws",
    () =>
      Object.assign(Promise.resolve(), {
        then() {
          throw failure("thrown");
        },
      }),
    "done: undefined",
  ],
  [
    "a promise whose `constructor` cannot be read",
    () =>
      Object.defineProperty(Promise.resolve(), "constructor", {
        get(): never {
          throw failure("unreadable");
        },
      }),
    "failed: unreadable",
  ],
];
