/**
 * A connection as applications see it.
 *
 * @module
 */

import { checkMilliseconds } from "../arguments.ts";
import { encodeUtf8, noBytes } from "../bytes.ts";
import { checkOptions, milliseconds, object, oneOf, type OptionTable } from "../check-options.ts";
import { watched } from "../deferred.ts";
import { PreparedMessage } from "../endpoint/prepared.ts";
import type { Closure } from "../errors.ts";
import { MaxControlFramePayloadSize } from "../frame/header.ts";
import type { HandshakeResponse } from "../handshake/client/handshake-response.ts";
import { directPeer, type Peer } from "../handshake/server/peer.ts";
import { socketAddress } from "../ip-address.ts";
import type { RuntimeSignal, TlsFacts } from "../transport.ts";
import { type StatusCode, StatusNormalClosure, StatusNoStatusRcvd } from "../status.ts";
import { checkClose } from "./check-close.ts";
import type { ConnectionLink, ConnectionState } from "./connection-link.ts";
import { type Counters, countersOf } from "./counters.ts";
import { type Binary, type Data, toBytes } from "./data.ts";
import { type ReceiveOptions, receiveTable } from "./receive/inbox.ts";
import type { IncomingMessage } from "./receive/incoming.ts";
import { type MessageOptions, messageTable, MessageWriter } from "./send/message-writer.ts";
import {
  checkSendOptions,
  checkTextOption,
  isTextOf,
  prepared,
  type SendOptions,
} from "./send/prepare.ts";
import type { SlowReceiver } from "./server/delivery.ts";
import type { Position, Replayed } from "./backplane/history.ts";
import type { Published } from "./server/topics.ts";

export type { ConnectionState } from "./connection-link.ts";
export type { Binary } from "./data.ts";

/** How a connection is closed. */
export interface CloseOptions {
  /** Milliseconds for the closing handshake; then the connection is dropped. Default: the option `closeTimeout`. */
  readonly deadline?: number | undefined;
}

/** What a connection was opened with. */
export interface ConnectionInfo<Context> {
  readonly protocol: string;
  readonly extensions: string;
  readonly target: string;
  readonly context: Context;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** A server's client behind trusted proxies. Default: who is at the socket. */
  readonly peer?: Peer | undefined;
}

/** How a message is published. */
export interface PublishOptions {
  /** What becomes of receivers that do not keep up. Default: the server's option `slowReceivers`. */
  readonly slow?: SlowReceiver | undefined;
}

/** What the options of `publish` may be. */
export const publishTable: OptionTable<PublishOptions> = {
  slow: oneOf("buffer", "drop", "close"),
};

/** How a topic is subscribed to. */
export interface SubscribeOptions {
  /**
   * The position of the last message that the client has: what was published behind it comes first. Undefined: it has none, and gets
   * what is published from now on.
   */
  readonly since: Position | undefined;
}

const subscribeTable: OptionTable<SubscribeOptions> = {
  since: /* @__PURE__ */ object("a Position"),
};

const closeTable: OptionTable<CloseOptions> = { deadline: milliseconds };

/** Gives the link behind a connection. For the library. */
export let linkOf: (ws: Connection) => ConnectionLink;

/**
 * One WebSocket connection, on either side of it.
 *
 * @typeParam Context What the `upgrade` hook learned of the peer.
 */
export class Connection<Context = unknown> {
  readonly #link: ConnectionLink;
  /** The subprotocol that was agreed on, "" for none. */
  readonly protocol: string;
  /** The extensions that were agreed on, as in Sec-WebSocket-Extensions; "" for none. */
  readonly extensions: string;
  /** Path and query of the request that opened the connection. */
  readonly target: string;
  /** What the `upgrade` hook gave; yours to change. */
  context: Context;
  /** IP address of who is at the socket, be it a proxy, where the transport knows it. The client's own is in {@link peer}. */
  readonly remoteAddress: string | undefined;
  /** Its port, likewise. */
  readonly remotePort: number | undefined;
  /**
   * Who is at the other end: on a server the client itself, where the options `trustProxy` and `proxyProtocol` name the proxies in
   * between; otherwise who is at the socket.
   */
  readonly peer: Peer;

  static {
    linkOf = (ws) => ws.#link;
  }

  /** @internal For the library: connections come from `serve` and `connect`. */
  constructor(link: ConnectionLink, info: ConnectionInfo<Context>) {
    this.#link = link;
    this.protocol = info.protocol;
    this.extensions = info.extensions;
    this.target = info.target;
    this.context = info.context;
    this.remoteAddress = socketAddress(info.remoteAddress);
    this.remotePort = info.remotePort;
    this.peer = info.peer ?? directPeer(link.facts, "");
  }

  /** Whether the bytes go through TLS, as far as this side; on a server `peer.encrypted` tells of the client's. */
  get encrypted(): boolean {
    return this.#link.facts.encrypted === true;
  }

  /** This side's own IP address, where the transport knows it; ask while the connection is open. */
  get localAddress(): string | undefined {
    return socketAddress(this.#link.facts.localAddress);
  }

  /** This side's own port, likewise. */
  get localPort(): number | undefined {
    return this.#link.facts.localPort;
  }

  /** What is known of its TLS, looked up when it is asked for; undefined without. Ask while the connection is open. */
  get tls(): TlsFacts | undefined {
    return this.#link.facts.tls;
  }

  /**
   * What the server answered to the handshake: status and headers, such as cookies. Undefined on a server, which has the
   * request in its `upgrade` hook.
   */
  get response(): HandshakeResponse | undefined {
    return this.#link.response;
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#link.state;
  }

  /**
   * Bytes of frames that wait for the network, and of messages that wait for their turn or for room in front of it, 64 bytes
   * more for each of those. Asking costs the same however many wait; 0 where the connection is over.
   */
  get bufferedAmount(): number {
    return this.#link.outbox.unsent;
  }

  /** What has gone over the connection until now. */
  get counters(): Counters {
    const { endpoint, outbox, roundTripTime } = this.#link;
    return {
      received: countersOf(endpoint.received),
      sent: countersOf(endpoint.sent),
      queued: outbox.unsent,
      dropped: outbox.dropped,
      roundTripTime,
    };
  }

  /** Milliseconds that the last keepalive ping took there and back; undefined without `pingInterval`, and before. */
  get roundTripTime(): number | undefined {
    return this.#link.roundTripTime;
  }

  /** How the connection ended; resolves when it has, and never rejects. */
  get closed(): Promise<Closure> {
    return this.#link.closed;
  }

  /**
   * Aborts when the connection is no longer open: when either side has begun to close it, or it has broken. Its reason is the
   * ClosedError that `send` rejects with from then on, with the closure's fields. For work that is done for this connection
   * alone: `fetch(url, { signal: ws.signal })`.
   */
  get signal(): RuntimeSignal {
    return this.#link.signal;
  }

  /**
   * Sends a message. All that is sent while a chunk is handled leaves in one write.
   *
   * @param data A string is sent as text, bytes as binary, or as text with the option `text`. They are copied: change them as you like afterwards. A message
   * for many connections is made by {@link prepareMessage}.
   * @returns Resolves when the unsent bytes are below `highWaterMark`: await it, and a slow peer slows you down.
   * Rejects with `ClosedError` where the connection is no longer open, and with `LimitError` `TOO_MUCH_BUFFERED`. A
   * rejection that nobody awaits is not reported as unhandled: `close` tells the same.
   * @throws {TypeError} `data` is neither, or not the UTF-8 that `text` says it is; an option is not known, or of a wrong type.
   */
  send(data: string | Binary | PreparedMessage, options?: SendOptions): Promise<void> {
    if (options !== undefined) return this.#sendWith(data, options);
    return this.#link.outbox.send(
      typeof data === "string" || data instanceof PreparedMessage ? data : toBytes(data),
      true,
    );
  }

  #sendWith(data: string | Binary | PreparedMessage, options: SendOptions): Promise<void> {
    checkSendOptions(options);
    const { outbox } = this.#link;
    const compress = options.compress !== false;
    if (typeof data === "string" || data instanceof PreparedMessage) {
      checkTextOption(data, options);
      return outbox.send(data, compress, false, options.sent);
    }
    const bytes = toBytes(data);
    return outbox.send(bytes, compress, isTextOf(bytes, options, outbox.codec), options.sent);
  }

  /**
   * Gets what is published to a topic from now on, on a server. A second time changes nothing; the end of the connection
   * takes it back.
   *
   * @param topic 1 to 1024 UTF-16 units.
   * @returns Resolves with true when the backplane's broker knows of it, too: what is published on any server from then on comes.
   * With false where the broker is away, has refused or does not answer: what is published here comes, and that of other servers
   * when it is back. Never rejects. Without a backplane it resolves with true.
   * @throws {LimitError} `TOO_MANY_TOPICS`
   * @throws {TypeError} The connection is a client's.
   */
  subscribe(topic: string): Promise<boolean>;
  /**
   * Gets what was published to a topic behind a position, and then what is published from now on: each message once, in the order of
   * the topic's history, with nothing left out between the two.
   *
   * @returns What came of it, once the connection was sent what it has missed. Never rejects.
   * @throws {LimitError} `TOO_MANY_TOPICS`
   * @throws {TypeError} The connection is a client's, or an option is wrong.
   */
  subscribe(topic: string, options: SubscribeOptions): Promise<Replayed>;
  subscribe(topic: string, options?: SubscribeOptions): Promise<boolean | Replayed> {
    const { topics } = this.#link;
    if (options !== undefined) checkOptions(options, subscribeTable);
    if (this.state === "closed") {
      const lost: Replayed = { complete: false, replayed: 0, position: undefined };
      return Promise.resolve(options !== undefined && lost);
    }
    if (options === undefined) return topics.subscribe(this.#link, topic);
    return topics.replay(this.#link, topic, options.since);
  }

  /** Gets it no more. @throws {TypeError} The connection is a client's. */
  unsubscribe(topic: string): void {
    this.#link.topics.unsubscribe(this.#link, topic);
  }

  /** The topics that it is subscribed to. @throws {TypeError} The connection is a client's. */
  get topics(): readonly string[] {
    return this.#link.topics.of(this.#link);
  }

  /**
   * Sends a message to all subscribers of a topic but this connection.
   *
   * @returns As `Server.publish`.
   * @throws {TypeError} The connection is a client's; the topic, the data or an option is wrong.
   */
  publish(
    topic: string,
    data: string | Binary | PreparedMessage,
    options: PublishOptions = {},
  ): Published {
    checkOptions(options, publishTable);
    const except = this.#link;
    return except.topics.publish(topic, prepared(data), { except, slow: options.slow });
  }

  /**
   * Begins a message that is sent in pieces. Other messages wait until it is complete; pings go in between.
   *
   * @throws {ClosedError} The connection is not open.
   * @throws {TypeError} An option is not known, or of a wrong type.
   */
  beginMessage(options: MessageOptions = {}): MessageWriter {
    checkOptions(options, messageTable);
    const refusal = this.#link.refusal();
    if (refusal !== undefined) throw refusal;
    return new MessageWriter(this.#link.outbox, options, (error) => {
      this.#link.fail(error);
    });
  }

  /**
   * Sends one message made of what `source` gives: strings for text, bytes for binary, as its first piece is.
   *
   * @param source Such as a `ReadableStream`, a generator, an array. It is asked for the next piece when the one before
   * is on its way.
   * @returns Resolves when the whole message is on its way. Rejects as {@link send}, and with what `source` throws; that
   * ends the connection with 1011 where a piece has left, since a message that was begun cannot be taken back. A rejection
   * that nobody awaits is not reported as unhandled.
   * @throws {TypeError} An option is not known, or of a wrong type.
   */
  sendStream(
    source: AsyncIterable<string | Binary> | Iterable<string | Binary>,
    options: MessageOptions = {},
  ): Promise<void> {
    checkOptions(options, messageTable);
    return watched(this.#sendStream(source, options), (error) => {
      this.#link.onUnseen(error, "sendStream");
    });
  }

  async #sendStream(
    source: AsyncIterable<string | Binary> | Iterable<string | Binary>,
    { binary, compress }: MessageOptions,
  ): Promise<void> {
    let writer: MessageWriter | undefined =
      binary === undefined ? undefined : this.beginMessage({ binary, compress });
    try {
      for await (const piece of source) {
        writer ??= this.beginMessage({ binary: typeof piece !== "string", compress });
        await writer.write(piece);
      }
    } catch (error) {
      writer?.abort(error);
      throw error;
    }
    writer ??= this.beginMessage({ compress });
    await writer.close();
  }

  /**
   * Asks for the next message. Several calls get one each, in their order.
   *
   * Without a `message` handler, messages wait until they are asked for; from `receiveHighWaterMark` bytes on the peer is
   * held back.
   *
   * @returns The message, yours. Rejects with `ClosedError` where the connection is over and nothing is left, with
   * `TimeoutError` `RECEIVE_TIMEOUT`, or with the signal's reason; the last two lose no message and leave the connection
   * as it is.
   * @throws {TypeError} Messages go to a handler; an option is not known, or of a wrong type.
   * @throws {RangeError} The time-out is NaN or below 0.
   */
  receive(options: ReceiveOptions = {}): Promise<Data> {
    checkOptions(options, receiveTable);
    checkMilliseconds("timeout", options.timeout);
    return this.#link.pulling.receive(options);
  }

  /**
   * Asks for the next message as a stream, which begins before it is complete.
   *
   * @returns As {@link receive}.
   * @throws {TypeError} Messages go to a handler; an option is not known, or of a wrong type.
   * @throws {RangeError} The time-out is NaN or below 0.
   */
  receiveStream(options: ReceiveOptions = {}): Promise<IncomingMessage> {
    checkOptions(options, receiveTable);
    checkMilliseconds("timeout", options.timeout);
    return this.#link.pulling.receiveStream(options);
  }

  /**
   * Gives the messages from here on. The loop ends when the connection was closed in order, or by this side; otherwise
   * it throws `ClosedError`. Leaving the loop leaves the connection open.
   *
   * @throws {TypeError} Messages go to a handler.
   */
  [Symbol.asyncIterator](): AsyncIterator<Data, undefined> {
    return this.#link.pulling.iterate();
  }

  /**
   * Sends a ping; the peer's library answers it.
   *
   * @param payload At most 125 bytes. Default: empty.
   * @returns As {@link send}.
   * @throws {RangeError} The payload is too long.
   * @throws {TypeError} It is neither text nor bytes.
   */
  ping(payload: string | Binary = noBytes): Promise<void> {
    const bytes = controlPayload(payload, "Ping");
    this.#link.pinged();
    return this.#link.outbox.ping(bytes);
  }

  /**
   * Sends a pong: one that nobody has asked for, as a sign of life, or the answer to a ping, with its payload, where the option
   * `autoPong` is false.
   *
   * @param payload At most 125 bytes. Default: empty.
   * @returns As {@link send}.
   * @throws {RangeError} The payload is too long.
   * @throws {TypeError} It is neither text nor bytes.
   * @see RFC 6455, 5.5.3
   */
  pong(payload: string | Binary = noBytes): Promise<void> {
    return this.#link.outbox.pong(controlPayload(payload, "Pong"));
  }

  /**
   * Begins the closing handshake, where it has not begun. No handler gets a message after it; those that wait to be asked for
   * are dropped, unless the peer has closed first. The option `deliverAfterClose` lets both have them.
   *
   * @param status 1000 to 1003, 1007 to 1014 or 3000 to 4999; or 1005 for a close frame without one, in which the peer sees 1005. So
   * what came with the end of one connection, a closure that is clean, can be passed on to another. Default: 1000.
   * @param reason At most 123 bytes of UTF-8; none with 1005. Default: none.
   * @returns {@link closed}.
   * @throws {RangeError} A status that may not be sent, or not with a reason, a reason that is too long, a deadline that is NaN or
   * below 0.
   */
  close(
    status: StatusCode = StatusNormalClosure,
    reason = "",
    options: CloseOptions = {},
  ): Promise<Closure> {
    checkOptions(options, closeTable);
    const { deadline } = options;
    // Nothing is in such a close frame.
    if (status === StatusNoStatusRcvd && reason === "") checkMilliseconds("deadline", deadline);
    else checkClose(status, reason, deadline);
    this.#link.close(status, reason, deadline);
    return this.closed;
  }

  /**
   * Drops the connection at once, without a closing handshake. What was sent is still given to the system, as far as that takes it at
   * once; the rest is lost.
   */
  terminate(): void {
    this.#link.flush();
    this.#link.terminate();
  }

  /** The process lives on for the connection, as at the beginning. */
  ref(): void {
    this.#link.hold(true);
  }

  /**
   * The process may end although the connection is open, where nothing else holds it. Over HTTP/2 the session holds it, which is
   * yours: `session.unref()`.
   */
  unref(): void {
    this.#link.hold(false);
  }

  /** Closes with 1000 and waits for the end: `await using ws = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function controlPayload(payload: string | Binary, what: string): Uint8Array {
  const bytes = typeof payload === "string" ? encodeUtf8(payload) : toBytes(payload, "payload");
  if (bytes.length > MaxControlFramePayloadSize) {
    throw new RangeError(`${what} payload must have at most 125 bytes: ${bytes.length}`);
  }
  return bytes;
}
