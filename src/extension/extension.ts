/**
 * The hook for extensions: how one is agreed upon, and what it does to headers and payloads (RFC 6455, 9).
 *
 * A connection, a Reader and a Writer all use it, and permessage-deflate is one user of it among others.
 *
 * @module
 */

import type { State } from "../frame/check.ts";
import type { Header } from "../frame/header.ts";
import type { Opcode } from "../frame/opcode.ts";
import type { Option } from "../http/option.ts";
import type { BoundedBuffer } from "./bounded-buffer.ts";

/**
 * Changes the payload of a message, piece by piece as it comes.
 *
 * Work that would hold the event loop is done in slices: a call that returns false has more to do, and
 * {@link goOn} is called, with the same `into`, until it returns true; no other call comes before.
 */
export interface Transform {
  /**
   * Takes the next piece of the message, and adds what it makes of it to `into`.
   *
   * @param bytes `[start, end)`, which may be empty, is valid until the call returns; what is needed later is copied.
   * @param isLast Whether the message ends with it.
   * @returns Whether all that was given is done.
   * @throws {ProtocolError} The payload is not what the extension demands.
   * @throws {LimitError} `MESSAGE_TOO_BIG`, by `into`
   */
  write(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean;
  /** Goes on with what is left to do. @returns Whether all is done. @throws As {@link write}. */
  goOn(into: BoundedBuffer): boolean;
  /** Calls `task` once, in a later turn of the event loop, when {@link goOn} is worth a call. */
  whenReady(task: () => void): void;
}

/** What an extension does with what is received. */
export interface RecvExtension {
  /**
   * Clears the reserved bits that are the extension's own, in `header`, and remembers what they said.
   *
   * @throws {ProtocolError} A bit is set where the extension does not allow it.
   * @see gobwas RecvExtension
   */
  unsetBits(header: Header): void;
  /**
   * Gives what the payload of a message goes through, after {@link unsetBits} has seen its first header; undefined
   * where it stays as it is, or where somebody else is to see to it.
   */
  beginMessage?(): Transform | undefined;
}

/** A message that is about to be sent. */
export interface OutgoingMessage {
  /** OpText or OpBinary. */
  readonly opcode: Opcode;
  /** Bytes of the payload, undefined where they are not known yet. */
  readonly size: number | undefined;
  /** Whether the sender allows that it is compressed. */
  readonly compress: boolean;
  /**
   * Where a message that is sent on many connections keeps what extensions made of it, for all connections that agreed on the
   * same. Keys begin with the extension's name.
   */
  readonly cache: Map<string, Uint8Array> | undefined;
}

/** What an extension does with what is sent. */
export interface SendExtension {
  /**
   * Sets the reserved bits that are the extension's own, in `header`.
   *
   * @see gobwas SendExtension
   */
  setBits(header: Header): void;
  /** Gives what the payload of a message goes through, before {@link setBits} sees its first header; undefined as above. */
  beginMessage?(message: OutgoingMessage): Transform | undefined;
}

/** An extension at work on one connection. */
export interface ExtensionSession {
  /** What it does with what comes; undefined for nothing. */
  readonly recv?: RecvExtension | undefined;
  /** What it does with what goes; undefined for nothing. */
  readonly send?: SendExtension | undefined;
  /** The connection is over: frees what it holds. Nothing is called after it; a second call is harmless. */
  close?(): void;
}

/** An extension, as it is offered and agreed upon; one serves all connections. */
export interface Extension {
  /** Its registered token, such as "permessage-deflate". */
  readonly name: string;
  /** Reserved bits that it may set: 4, 2, 1 for RSV1, RSV2, RSV3. No two extensions of a connection may share one. */
  readonly rsv: number;
  /** What a client offers, the one liked best first; each with {@link name}. */
  readonly offers: readonly Option[];
  /** Server: gives what answers an offer, or undefined to decline it. */
  accept(offer: Option): Option | undefined;
  /**
   * Begins to work on a connection.
   *
   * @param agreed What the server has answered.
   * @param side StateServerSide or StateClientSide: which side this is.
   * @returns undefined where, on a client, the answer is none that the offers allow: the connection is failed then.
   */
  open(agreed: Option, side: State): ExtensionSession | undefined;
}
