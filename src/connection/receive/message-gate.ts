/**
 * What may hold a peer's messages back, beside what is unread. Types only.
 *
 * @module
 */

/** Is told of each message of a connection. */
export interface MessageGate {
  /**
   * A message has come.
   *
   * @returns Milliseconds for which no other one is to be taken in; 0 for none.
   * @throws {LimitError} It is one too many.
   */
  messaged(): number;
}
