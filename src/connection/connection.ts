/**
 * A connection, as an application sees it.
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

/** The facts with which a connection opens. */
export interface ConnectionInfo<Context> {
  readonly protocol: string;
  readonly extensions: string;
  readonly target: string;
  readonly context: Context;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** A server's client, if trusted proxies are in between. Default: the other end of the socket. */
  readonly peer?: Peer | undefined;
}

/** How a message is published. */
export interface PublishOptions {
  /** What happens to receivers that are too slow. Default: the server's option `slowReceivers`. */
  readonly slow?: SlowReceiver | undefined;
}

export const publishTable: OptionTable<PublishOptions> = {
  slow: oneOf("buffer", "drop", "close"),
};

/** How a topic is subscribed to. */
export interface SubscribeOptions {
  /**
   * The position of the last message that the client has. The messages after it are sent first. Undefined: the client has no
   * position, and gets only what is published from now on.
   */
  readonly since: Position | undefined;
}

const subscribeTable: OptionTable<SubscribeOptions> = {
  since: /* @__PURE__ */ object("a Position"),
};

const closeTable: OptionTable<CloseOptions> = { deadline: milliseconds };

/** Gives the link of a connection. For framewire itself. */
export let linkOf: (ws: Connection) => ConnectionLink;

/**
 * One WebSocket connection, of a server or a client.
 *
 * @typeParam Context What the `upgrade` hook knows about the peer.
 */
export class Connection<Context = unknown> {
  readonly #link: ConnectionLink;
  /** The subprotocol of the connection; "" if it has none. */
  readonly protocol: string;
  /** The extensions of the connection, as in Sec-WebSocket-Extensions; "" if it has none. */
  readonly extensions: string;
  /** Path and query of the request that opened the connection. */
  readonly target: string;
  /** What the `upgrade` hook returned as `context`. You may change it. */
  context: Context;
  /**
   * IP address of the socket's other end, which may be a proxy; undefined if the transport does not know it. See {@link peer}.
   */
  readonly remoteAddress: string | undefined;
  /** Port of the socket's other end; undefined if the transport does not know it. */
  readonly remotePort: number | undefined;
  /**
   * The peer. On a server it is the client itself, if the options `trustProxy` and `proxyProtocol` name the proxies in between.
   * Otherwise it is the other end of the socket.
   */
  readonly peer: Peer;

  static {
    linkOf = (ws) => ws.#link;
  }

  /** @internal For framewire itself: applications get connections from `serve` and `connect`. */
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

  /** Whether this side's socket uses TLS. On a server `peer.encrypted` says whether the client uses TLS. */
  get encrypted(): boolean {
    return this.#link.facts.encrypted === true;
  }

  /** This side's own IP address; undefined if the transport does not know it. Read it while the connection is open. */
  get localAddress(): string | undefined {
    return socketAddress(this.#link.facts.localAddress);
  }

  /** This side's own port; undefined if the transport does not know it. Read it while the connection is open. */
  get localPort(): number | undefined {
    return this.#link.facts.localPort;
  }

  /** Facts about TLS; undefined without TLS. Reading it asks the runtime, so read it while the connection is open. */
  get tls(): TlsFacts | undefined {
    return this.#link.facts.tls;
  }

  /**
   * The server's response to the handshake: its status and headers, such as cookies. Undefined on a server, whose `upgrade` hook
   * has the request instead.
   */
  get response(): HandshakeResponse | undefined {
    return this.#link.response;
  }

  /** The state of the connection. */
  get state(): ConnectionState {
    return this.#link.state;
  }

  /**
   * Number of unsent bytes: frames that wait for the network, and messages that wait before them, which count 64 bytes more each.
   * 0 if the connection is over. The cost of asking does not grow with the number of messages.
   */
  get bufferedAmount(): number {
    return this.#link.outbox.unsent;
  }

  /** What the connection has sent and received until now. */
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

  /** Milliseconds between the last keepalive ping and its pong. Undefined before the first pong, and without `pingInterval`. */
  get roundTripTime(): number | undefined {
    return this.#link.roundTripTime;
  }

  /** Resolves when the connection has ended, and says how. Never rejects. */
  get closed(): Promise<Closure> {
    return this.#link.closed;
  }

  /**
   * Aborts when the connection is no longer open: either side has begun to close it, or it has failed. The reason is the
   * ClosedError that `send` rejects with from then on. Use it for work that only this connection needs: `fetch(url, { signal:
   * ws.signal })`.
   */
  get signal(): RuntimeSignal {
    return this.#link.signal;
  }

  /**
   * Sends a message. All messages that are sent while one chunk is handled leave in one write.
   *
   * @param data A string is sent as text. Bytes are sent as binary, or as text with the option `text`; they are copied, so you
   * may change them afterwards. For many connections use {@link prepareMessage}.
   * @returns Resolves when the unsent bytes are at most `highWaterMark`. If you await it, a slow peer slows you down. Rejects
   * with `ClosedError` if the connection is not open, and with `LimitError` `TOO_MUCH_BUFFERED`. A rejection that you do not
   * await is not reported as unhandled, since the `close` handler reports the same.
   * @throws {TypeError} `data` is neither a string nor bytes, or `text` is set and it is not UTF-8; an option is unknown, or of a
   * wrong type.
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
   * Subscribes to a topic of a server: the connection gets what is published from now on. A second call has no effect. The
   * subscription ends with the connection.
   *
   * @param topic 1 to 1024 UTF-16 units.
   * @returns Resolves with true when the backplane's broker knows the subscription: from then on messages of all servers come.
   * Resolves with false if the broker is away, has refused or does not answer: messages of this server come, and messages of
   * other servers when the broker is back. Without a backplane it resolves with true. Never rejects.
   * @throws {LimitError} `TOO_MANY_TOPICS`
   * @throws {TypeError} The connection belongs to a client.
   */
  subscribe(topic: string): Promise<boolean>;
  /**
   * Subscribes to a topic, and first sends what was published after a position. The connection gets each message once, in the
   * order of the topic's history, without a gap between old and new messages.
   *
   * @returns Resolves when the missed messages were sent, and says how many. Never rejects.
   * @throws {LimitError} `TOO_MANY_TOPICS`
   * @throws {TypeError} The connection belongs to a client, or an option is wrong.
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

  /** Ends the subscription to a topic. @throws {TypeError} The connection belongs to a client. */
  unsubscribe(topic: string): void {
    this.#link.topics.unsubscribe(this.#link, topic);
  }

  /** The topics to which the connection is subscribed. @throws {TypeError} The connection belongs to a client. */
  get topics(): readonly string[] {
    return this.#link.topics.of(this.#link);
  }

  /**
   * Sends a message to all subscribers of a topic except this connection.
   *
   * @returns As `Server.publish`.
   * @throws {TypeError} The connection belongs to a client; the topic, the data or an option is wrong.
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
   * Begins a message that you send in pieces. Other messages wait until it is complete; pings may go between the pieces.
   *
   * @throws {ClosedError} The connection is not open.
   * @throws {TypeError} An option is unknown, or of a wrong type.
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
   * Sends the pieces that `source` gives as one message. If the first piece is a string the message is text, otherwise binary.
   *
   * @param source For example a `ReadableStream`, a generator or an array. It is asked for the next piece when there is room for
   * one.
   * @returns Resolves when the last piece is sent, as {@link send} does. Rejects as {@link send} does, and with the error that
   * `source` throws. If a piece has already left then, the connection ends with 1011, since a part of a message cannot be taken
   * back. A rejection that you do not await is not reported as unhandled.
   * @throws {TypeError} An option is unknown, or of a wrong type.
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
   * Asks for the next message. Several calls get one message each, in the order of the calls.
   *
   * Without a `message` handler, messages wait until you ask for them. Beyond `receiveHighWaterMark` bytes framewire stops
   * reading from the peer.
   *
   * @returns The message, which is yours. Rejects with `ClosedError` if the connection is over and no message is left, with
   * `TimeoutError` `RECEIVE_TIMEOUT`, or with the signal's reason. The last two lose no message and do not change the connection.
   * @throws {TypeError} Messages go to a handler; an option is unknown, or of a wrong type.
   * @throws {RangeError} The timeout is NaN or below 0.
   */
  receive(options: ReceiveOptions = {}): Promise<Data> {
    checkOptions(options, receiveTable);
    checkMilliseconds("timeout", options.timeout);
    return this.#link.pulling.receive(options);
  }

  /**
   * Asks for the next message as a stream. The stream begins before the message is complete.
   *
   * @returns As {@link receive}.
   * @throws {TypeError} Messages go to a handler; an option is unknown, or of a wrong type.
   * @throws {RangeError} The timeout is NaN or below 0.
   */
  receiveStream(options: ReceiveOptions = {}): Promise<IncomingMessage> {
    checkOptions(options, receiveTable);
    checkMilliseconds("timeout", options.timeout);
    return this.#link.pulling.receiveStream(options);
  }

  /**
   * Gives the messages from now on. The loop ends when this side closes, or the closing handshake is complete; otherwise it
   * throws `ClosedError`. If you leave the loop, the connection stays open.
   *
   * @throws {TypeError} Messages go to a handler.
   */
  [Symbol.asyncIterator](): AsyncIterator<Data, undefined> {
    return this.#link.pulling.iterate();
  }

  /**
   * Sends a ping. The peer's library answers it.
   *
   * @param payload At most 125 bytes. Default: empty.
   * @returns As {@link send}.
   * @throws {RangeError} The payload is too long.
   * @throws {TypeError} The payload is neither a string nor bytes.
   */
  ping(payload: string | Binary = noBytes): Promise<void> {
    const bytes = controlPayload(payload, "Ping");
    this.#link.pinged();
    return this.#link.outbox.ping(bytes);
  }

  /**
   * Sends a pong: as a sign of life, or with the option `autoPong: false` as the answer to a ping, with the ping's payload.
   *
   * @param payload At most 125 bytes. Default: empty.
   * @returns As {@link send}.
   * @throws {RangeError} The payload is too long.
   * @throws {TypeError} The payload is neither a string nor bytes.
   * @see RFC 6455, 5.5.3
   */
  pong(payload: string | Binary = noBytes): Promise<void> {
    return this.#link.outbox.pong(controlPayload(payload, "Pong"));
  }

  /**
   * Begins the closing handshake, if it has not begun. Afterwards no handler gets a message. Messages that wait to be asked for
   * are dropped, unless the peer has closed first. With the option `deliverAfterClose` messages are still delivered.
   *
   * @param status 1000 to 1003, 1007 to 1014 or 3000 to 4999; or 1005 for a close frame without a status, so that you can pass on
   * the closure of another connection. Default: 1000.
   * @param reason At most 123 bytes of UTF-8; must be empty with 1005. Default: empty.
   * @returns {@link closed}.
   * @throws {RangeError} The status may not be sent, or not with a reason; the reason is too long; the deadline is NaN or below
   * 0.
   */
  close(
    status: StatusCode = StatusNormalClosure,
    reason = "",
    options: CloseOptions = {},
  ): Promise<Closure> {
    checkOptions(options, closeTable);
    const { deadline } = options;
    // A close frame without a status has no body, so there is no status to check.
    if (status === StatusNoStatusRcvd && reason === "") checkMilliseconds("deadline", deadline);
    else checkClose(status, reason, deadline);
    this.#link.close(status, reason, deadline);
    return this.closed;
  }

  /**
   * Drops the connection at once, without a closing handshake. Bytes that were sent and that the system takes at once still
   * leave; the rest is lost.
   */
  terminate(): void {
    this.#link.flush();
    this.#link.terminate();
  }

  /** The connection keeps the process alive, as at the start. */
  ref(): void {
    this.#link.hold(true);
  }

  /**
   * The process may end although the connection is open, if nothing else keeps it alive. Over HTTP/2 your own session keeps the
   * process alive: call `session.unref()`.
   */
  unref(): void {
    this.#link.hold(false);
  }

  /** Closes with 1000 and waits for the end, for `await using ws = ...`. */
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
