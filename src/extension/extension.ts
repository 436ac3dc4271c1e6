/**
 * The hook for extensions: how one is negotiated, and what it does to headers and payloads (RFC 6455, 9).
 *
 * A connection, a Reader and a Writer all use this hook. permessage-deflate is one of its implementations.
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
 * Long work is done in slices, so that it does not block the event loop. A call that returns false has more to do. The caller
 * then calls {@link goOn}, with the same `into`, until it returns true, and calls nothing else before that.
 */
export interface Transform {
  /**
   * Takes the next piece of the message, and adds the changed bytes to `into`.
   *
   * @param bytes `[start, end)` may be empty, and is valid until the call returns; copy what is needed later.
   * @param isLast Whether this is the last piece of the message.
   * @returns Whether the work on all pieces so far is done.
   * @throws {ProtocolError} The payload breaks a rule of the extension.
   * @throws {LimitError} `MESSAGE_TOO_BIG`, by `into`
   */
  write(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean;
  /** Does the next slice of the work that is left. @returns Whether all work is done. @throws As {@link write}. */
  goOn(into: BoundedBuffer): boolean;
  /** Calls `task` once, in a later turn of the event loop, when {@link goOn} can make progress. */
  whenReady(task: () => void): void;
}

/** The half of an extension that works on received messages. */
export interface RecvExtension {
  /**
   * Clears the extension's own reserved bits in `header`, and remembers their values.
   *
   * @throws {ProtocolError} A bit is set where the extension does not allow it.
   * @see gobwas RecvExtension
   */
  unsetBits(header: Header): void;
  /**
   * Gives the transform for the payload of a message, after {@link unsetBits} has seen the message's first header. Undefined if
   * the extension does not change the payload, or if the caller applies the extension itself.
   */
  beginMessage?(): Transform | undefined;
}

/** A message that is about to be sent. */
export interface OutgoingMessage {
  /** OpText or OpBinary. */
  readonly opcode: Opcode;
  /** Bytes of the payload; undefined if the size is not known yet. */
  readonly size: number | undefined;
  /** Whether the sender allows compression of this message. */
  readonly compress: boolean;
  /**
   * The cache of a message that is sent on many connections: extensions keep their output here, for all connections with the same
   * parameters. Keys begin with the extension's name.
   */
  readonly cache: Map<string, Uint8Array> | undefined;
}

/** The half of an extension that works on sent messages. */
export interface SendExtension {
  /**
   * Sets the extension's own reserved bits in `header`.
   *
   * @see gobwas SendExtension
   */
  setBits(header: Header): void;
  /** Gives the transform for the payload of a message, before {@link setBits} sees its first header. Undefined for no change. */
  beginMessage?(message: OutgoingMessage): Transform | undefined;
}

/** An extension at work on one connection. */
export interface ExtensionSession {
  /** The receiving half; undefined if it does nothing. */
  readonly recv?: RecvExtension | undefined;
  /** The sending half; undefined if it does nothing. */
  readonly send?: SendExtension | undefined;
  /** The connection has ended: frees what the session holds. No other call follows, except that `close` may be called again. */
  close?(): void;
}

/** An extension that can be offered and accepted; one object serves all connections. */
export interface Extension {
  /** Its registered token, such as "permessage-deflate". */
  readonly name: string;
  /** Reserved bits that it may set: 4, 2, 1 for RSV1, RSV2, RSV3. No two extensions of a connection may share one. */
  readonly rsv: number;
  /** The offers of a client, in order of preference; each has the {@link name}. */
  readonly offers: readonly Option[];
  /** On a server: gives the answer to an offer, or undefined to decline it. */
  accept(offer: Option): Option | undefined;
  /**
   * Begins to work on a connection.
   *
   * @param agreed The server's answer.
   * @param side The side of this connection: StateServerSide or StateClientSide.
   * @returns The session. Undefined if, on a client, the answer does not fit the offers: the connection then fails.
   */
  open(agreed: Option, side: State): ExtensionSession | undefined;
}
