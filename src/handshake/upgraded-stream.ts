/**
 * The result of an opening handshake, on either side: one stream with the facts about the handshake.
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

/** What both sides have agreed on in a handshake. */
export interface Agreement<Context> {
  /** StateServerSide or StateClientSide. */
  readonly side: State;
  /** The subprotocol; "" if there is none. */
  readonly protocol: string;
  /** The extensions, in the order of the response. */
  readonly extensions: readonly Option[];
  /** The extensions that are already in use. Default: none. */
  readonly sessions?: readonly ExtensionSession[];
  /** The server's response; undefined on a server. */
  readonly response?: HandshakeResponse | undefined;
  /** The client; undefined if no option asks for it. */
  readonly peer?: Peer | undefined;
  /** The context that the callbacks have filled. */
  readonly context: Context;
}

/**
 * The stream after a handshake. Bytes that came with the handshake are read first.
 *
 * @see gobwas Handshake, and what Dial gives beside it
 */
export class UpgradedStream<Context = undefined> extends BufferedStream {
  /** This side, and whether there are extensions. A Reader and a Writer need it. */
  readonly state: State;
  /** The subprotocol; "" if there is none. */
  readonly protocol: string;
  /** The extensions, with their parameters. */
  readonly extensions: readonly Option[];
  /** The receiving parts of the Upgrader's or Dialer's own extensions, for a Reader. */
  readonly recvExtensions: readonly RecvExtension[];
  /** The sending parts of the Upgrader's or Dialer's own extensions, for a Writer. */
  readonly sendExtensions: readonly SendExtension[];
  /** The extensions in use. {@link close} closes them. */
  readonly sessions: readonly ExtensionSession[];
  /** The server's response to a Dialer; undefined on a server. */
  readonly response: HandshakeResponse | undefined;
  /** The client, if the Upgrader has `peers` or `onPeer`; otherwise undefined, as on a client. */
  readonly peer: Peer | undefined;
  /** The context that an Upgrader's callbacks have filled. */
  readonly context: Context;

  /**
   * Makes the stream. `Upgrader` and `Dialer` call this.
   *
   * @param handshaken The stream from which the handshake was read. Do not use it afterwards.
   * @param agreement What both sides have agreed on.
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

  /** Closes the connection, and frees the memory of its extensions. A Reader or Writer inside a message fails. */
  override close(): Awaitable<void> {
    closeSessions(this.sessions);
    return super.close();
  }
}
