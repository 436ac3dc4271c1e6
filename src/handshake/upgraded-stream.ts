/**
 * What an opening handshake comes to, on either side: one object that nothing can be lost from.
 *
 * @module
 */

import type { ExtensionSession, RecvExtension, SendExtension } from "../extension/extension.ts";
import { closeSessions } from "../extension/negotiation.ts";
import type { State } from "../frame/check.ts";
import { StateExtended } from "../frame/check.ts";
import type { Option } from "../http/option.ts";
import type { HandshakeResponse } from "./client/handshake-response.ts";
import type { Peer } from "./server/peer.ts";
import { BufferedStream } from "../io/buffered.ts";
import type { Awaitable } from "../io/byte-stream.ts";

/** What was agreed upon in a handshake. */
export interface Agreement<Context> {
  /** StateServerSide or StateClientSide. */
  readonly side: State;
  /** Subprotocol, "" for none. */
  readonly protocol: string;
  /** Extensions, in the order of the answer. */
  readonly extensions: readonly Option[];
  /** Those of the extensions that are at work already. Default: none. */
  readonly sessions?: readonly ExtensionSession[];
  /** What the server answered; a server has none. */
  readonly response?: HandshakeResponse | undefined;
  /** Who has asked; undefined where nobody wants to know. */
  readonly peer?: Peer | undefined;
  /** What belongs to the connection, from the hooks. */
  readonly context: Context;
}

/**
 * The stream behind a handshake: bytes that came with it are read first.
 *
 * @see gobwas Handshake, and what Dial gives beside it
 */
export class UpgradedStream<Context = undefined> extends BufferedStream {
  /** This side, and whether extensions were agreed upon: what a Reader and a Writer want to know. */
  readonly state: State;
  /** The subprotocol agreed upon, "" where there is none. */
  readonly protocol: string;
  /** The extensions agreed upon, with their parameters. */
  readonly extensions: readonly Option[];
  /** What a Reader is given of the extensions that the Upgrader or Dialer has itself. */
  readonly recvExtensions: readonly RecvExtension[];
  /** What a Writer is given of them. */
  readonly sendExtensions: readonly SendExtension[];
  /** The extensions at work, which {@link close} closes. */
  readonly sessions: readonly ExtensionSession[];
  /** What the server answered to a Dialer's request; undefined on a server. */
  readonly response: HandshakeResponse | undefined;
  /** Who has asked an Upgrader that has `peers` or `onPeer`; undefined without, and on a client. */
  readonly peer: Peer | undefined;
  /** What the callbacks of an Upgrader learned. */
  readonly context: Context;

  /**
   * Makes the stream; `Upgrader` and `Dialer` do so.
   *
   * @param handshaken The stream that the handshake was read from; it is not used any more.
   * @param agreement What was agreed upon.
   */
  constructor(handshaken: BufferedStream, agreement: Agreement<Context>) {
    super(handshaken.inner, { buffer: handshaken.bytes });
    this.takeOver(handshaken);
    const { side, protocol, extensions, sessions = [], context } = agreement;
    this.state = extensions.length > 0 ? side | StateExtended : side;
    this.protocol = protocol;
    this.extensions = extensions;
    this.recvExtensions = sessions.flatMap(({ recv }) => recv ?? []);
    this.sendExtensions = sessions.flatMap(({ send }) => send ?? []);
    this.sessions = sessions;
    this.response = agreement.response;
    this.peer = agreement.peer;
    this.context = context;
  }

  /** Closes the connection, and frees what its extensions hold; a Reader or Writer inside a message fails. */
  override close(): Awaitable<void> {
    closeSessions(this.sessions);
    return super.close();
  }
}
