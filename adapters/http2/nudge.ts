/**
 * Keeps one stream of HTTP/2 from holding up the other streams of its session, on Bun.
 *
 * While one stream of a session has bytes that wait for its window, Bun keeps back what is written to all of its streams. It
 * looks at the other streams again when the next frame of the peer comes (oven-sh/bun#43422). A ping makes the peer send a frame:
 * the answer. Node and Deno do not need this.
 *
 * @module
 */

/** The members of a session that are used. */
export interface Pinged {
  /** Whether it is over. */
  readonly destroyed: boolean;
  /** Sends a PING; `answered` is called when its answer comes. */
  ping(answered: () => void): unknown;
}

/** Sessions with a ping under way, and whether more bytes have been kept back since. */
const underWay = new WeakMap<Pinged, { isAgain: boolean }>();

/** Whether this runtime needs nudges. */
export const needsNudges: boolean = "Bun" in globalThis;

/**
 * Makes the peer send a frame, after which the runtime sends what it has kept back. A session has at most one ping under way.
 *
 * @param session Undefined if the stream has already lost it.
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
