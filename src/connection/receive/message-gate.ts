/**
 * The limit of a connection's message rate, in addition to the limit of unread bytes. Types only.
 *
 * @module
 */

/** Gets each message of a connection. */
export interface MessageGate {
  /**
   * A message has come.
   *
   * @returns Milliseconds for which no further message may be taken in; 0 for none.
   * @throws {LimitError} The message exceeds the limit.
   */
  messaged(): number;
}
