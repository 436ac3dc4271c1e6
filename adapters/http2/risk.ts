/**
 * HTTP/2 is off where a runtime's own implementation endangers the process, unless an option turns it on.
 *
 * Deno's `node:http2` uses freed memory when a peer sends GOAWAY among other frames. One such peer is enough to end the whole
 * process (SIGSEGV, SIGABRT), before framewire or the application notices anything (denoland/deno#36788).
 * `test/package/http2-risk.test.ts` shows it, and will fail when Deno has mended it.
 *
 * @module
 */

/** The option that turns HTTP/2 on in spite of the risk. */
export interface Http2Risk {
  /**
   * Allows HTTP/2 on a runtime where a peer can end the whole process by it, which is Deno. On other runtimes it has no effect.
   * Default: false, which leads to a TypeError on Deno.
   */
  readonly http2MayCrash?: boolean | undefined;
}

const mayCrash = "Deno" in globalThis;

/**
 * Gives the error with which HTTP/2 is refused.
 *
 * @param mayCrashHere Whether a peer can end the process on this runtime.
 * @returns Undefined if HTTP/2 is allowed.
 */
export function refusalOfHttp2(
  { http2MayCrash }: Http2Risk,
  mayCrashHere: boolean = mayCrash,
): TypeError | undefined {
  if (!mayCrashHere || http2MayCrash === true) return undefined;
  return new TypeError(
    "HTTP/2 is off on Deno: its node:http2 lets a peer's GOAWAY frame end the whole process " +
      "(denoland/deno#36788). Use HTTP/1.1, or take the risk with http2MayCrash: true",
  );
}
