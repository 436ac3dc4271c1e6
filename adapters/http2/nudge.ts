/**
 * Keeps one stream of HTTP/2 from holding up the others of its session, on Bun.
 *
 * Bun keeps back what is written to any stream while one of the session has bytes that wait for its window, and looks at
 * the others again when the next frame of the peer comes (oven-sh/bun#43422). A ping makes the peer send one: its
 * answer. Node and Deno need none of this.
 *
 * @module
 */

/** What is used of a session. */
export interface Pinged {
  /** Whether it is over. */
  readonly destroyed: boolean;
  /** Sends a PING, whose answer calls `answered`. */
  ping(answered: () => void): unknown;
}

/** Sessions whose ping is under way, and whether more has been kept back since. */
const underWay = new WeakMap<Pinged, { isAgain: boolean }>();

/** Whether the runtime at hand needs it. */
export const needsNudges: boolean = "Bun" in globalThis;

/**
 * Has the peer send a frame, after which what was kept back goes. One ping at a time is under way on a session.
 *
 * @param session Undefined where the stream has lost it already.
 */
export function nudge(session: Pinged | undefined): void {
  if (session === undefined || session.destroyed) return;
  const before = underWay.get(session);
  if (before !== undefined) {
    before.isAgain = true;
    return;
  }
  const state = { isAgain: false };
  underWay.set(session, state);
  session.ping(() => {
    underWay.delete(session);
    if (state.isAgain) nudge(session);
  });
}
