/**
 * The closing handshake as a table (RFC 6455, 7.1).
 *
 * @module
 */

/** Where the closing handshake of one side stands. */
export type ClosingState = "open" | "closeSent" | "closed";

/** What moves it on: a close frame sent, one received (which is answered at once), or a failure. */
export type ClosingEvent = "sendClose" | "receiveClose" | "fail";

const transitions = {
  open: { sendClose: "closeSent", receiveClose: "closed", fail: "closed" },
  closeSent: { sendClose: "closeSent", receiveClose: "closed", fail: "closed" },
  closed: { sendClose: "closed", receiveClose: "closed", fail: "closed" },
} as const satisfies Record<ClosingState, Record<ClosingEvent, ClosingState>>;

/** Gives the state that follows; "closed" is for good: nothing is sent or read any more. */
export function nextClosing(state: ClosingState, event: ClosingEvent): ClosingState {
  return transitions[state][event];
}
