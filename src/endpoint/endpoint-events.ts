/**
 * The events of an endpoint (types only).
 *
 * @module
 */

import type { ClosingStage } from "./closing.ts";

/**
 * The events that an endpoint calls. It delivers no message after `onFail`, or once its state is "closed".
 *
 * An error that an event throws fails the connection with 1011, and `onFail` gets the error: the place in the stream is lost.
 * Only an error from `onFail` or `onClosing` goes to the caller, after everything else is done. If the runtime is the caller,
 * after an extension worked on a message in slices, the error is uncaught.
 */
export interface EndpointEvents {
  /** A text message has come. */
  onText(data: string): void;
  /**
   * A text message has come, with the option `textAs: "bytes"`. The bytes are its UTF-8, which was checked.
   *
   * @param isOwned As for {@link onBinary}.
   */
  onTextBytes?(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void;
  /**
   * A binary message has come.
   *
   * @param isOwned Whether `bytes` are yours to keep; otherwise they are valid until the call returns.
   */
  onBinary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void;
  /** A message begins that is delivered piece by piece, after {@link Endpoint.setStreaming}. */
  onMessageBegin?(isText: boolean): void;
  /** A piece of that message has come; a piece of text may end inside a character. The bytes are valid until the call returns. */
  onMessagePiece?(bytes: Uint8Array, start: number, end: number): void;
  /** The message is complete; if it is text, it is valid UTF-8. */
  onMessageEnd?(): void;
  /** A ping has come. Its pong is gathered already, unless `autoPong` is false. The payload is valid until the call returns. */
  onPing(bytes: Uint8Array, start: number, end: number): void;
  /** A pong has come. The payload is valid until the call returns. */
  onPong(bytes: Uint8Array, start: number, end: number): void;
  /**
   * The peer broke a rule or a limit, an extension failed, or an event threw. A close frame that says so is gathered, if one may
   * still be sent.
   */
  onFail(error: unknown): void;
  /** An extension is done with a message: give {@link Endpoint.receive} the bytes now that it did not take. */
  onResume(): void;
  /** The output has more to send though no method was called, or it has room for the next piece of a message. */
  onOutput(): void;
  /** The connection has moved to the next closing stage. */
  onClosing?(stage: ClosingStage): void;
}

/** The events that deliver messages. */
export type MessageEvents = Pick<
  EndpointEvents,
  "onText" | "onTextBytes" | "onBinary" | "onMessageBegin" | "onMessagePiece" | "onMessageEnd"
>;
