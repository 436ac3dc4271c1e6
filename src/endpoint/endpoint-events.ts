/**
 * What an endpoint tells its user (types only).
 *
 * @module
 */

import type { ClosingStage } from "./closing.ts";

/**
 * What an endpoint tells. No message is told of after `onFail`, or once its state is "closed".
 *
 * An error that is thrown here fails the connection with 1011, and `onFail` is told of it: the place in the stream is lost. Only an
 * error that `onFail` or `onClosing` throws goes to the caller, when everything else is done. Where the caller is the runtime, after
 * a message that took a while, it is an uncaught error.
 */
export interface EndpointEvents {
  /** A text message has come. */
  onText(data: string): void;
  /**
   * A text message has come, with the option `textAs: "bytes"`: its UTF-8, which was checked.
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
  /** A message begins that comes piece by piece, after {@link Endpoint.setStreaming}. */
  onMessageBegin?(isText: boolean): void;
  /** A piece of it, of text maybe cut inside a character. The bytes are valid until the call returns. */
  onMessagePiece?(bytes: Uint8Array, start: number, end: number): void;
  /** It is complete, and text was valid. */
  onMessageEnd?(): void;
  /** A ping has come, and its pong is gathered already, unless `autoPong` is false. The payload is valid until the call returns. */
  onPing(bytes: Uint8Array, start: number, end: number): void;
  /** A pong has come. The payload is valid until the call returns. */
  onPong(bytes: Uint8Array, start: number, end: number): void;
  /**
   * The peer broke a rule or a limit, or an extension failed: a close frame that says so is gathered, where one may still
   * be sent.
   */
  onFail(error: unknown): void;
  /** A message that took a while is done: pass the bytes now that {@link Endpoint.receive} did not take. */
  onResume(): void;
  /** The output has more to send, though no method was called, or it may take the next piece of a message. */
  onOutput(): void;
  /** The end of the connection has come a step nearer. */
  onClosing?(stage: ClosingStage): void;
}

/** Those of the events that tell of messages. */
export type MessageEvents = Pick<
  EndpointEvents,
  "onText" | "onTextBytes" | "onBinary" | "onMessageBegin" | "onMessagePiece" | "onMessageEnd"
>;
