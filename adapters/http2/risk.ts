/**
 * Where a runtime's own HTTP/2 puts the process at risk: it is off there, unless asked for by name.
 *
 * Deno's `node:http2` uses memory that it has freed when a peer sends GOAWAY among other frames. One peer that does so is
 * enough to end the whole process (SIGSEGV, SIGABRT), before any code of ours or of the application hears of it
 * (denoland/deno#36788). `test/package/http2-risk.test.ts` shows it, and fails as soon as it is mended.
 *
 * @module
 */

/** The option by which a caller says that it wants HTTP/2 all the same. */
export interface Http2Risk {
  /**
   * Takes HTTP/2 on a runtime where a peer can end the whole process by it, which is Deno; elsewhere it changes nothing.
   * Default: false, a TypeError there.
   */
  readonly http2MayCrash?: boolean | undefined;
}

const mayCrash = "Deno" in globalThis;

/**
 * Gives the error that HTTP/2 is refused with.
 *
 * @param mayCrashHere Whether a peer can end the process on the runtime at hand.
 * @returns Undefined where nothing speaks against it.
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
