/**
 * The server's side of the opening handshake over a byte stream, with a say at every step (RFC 6455, 4.2).
 *
 * @module
 */

import { checkMilliseconds } from "../../arguments.ts";
import {
  callback,
  checkOptions,
  deadlines,
  having,
  milliseconds,
  number,
  objects,
  type OptionTable,
} from "../../check-options.ts";
import type { Deadlines } from "../../clock.ts";
import { isPromise } from "../../deferred.ts";
import { HandshakeError, type HeaderPairs, LimitError, TimeoutError } from "../../errors.ts";
import { StateServerSide } from "../../frame/check.ts";
import type { Extension } from "../../extension/extension.ts";
import { closeSessions } from "../../extension/negotiation.ts";
import type { Head } from "../../http/head.ts";
import { type GivenHeaders, headersKind, toHeaderPairs } from "../../http/headers.ts";
import {
  defaultHeadLimits,
  headLimitsKind,
  type HeadLimits,
  HeadParser,
} from "../../http/parser.ts";
import { BufferedStream } from "../../io/buffered.ts";
import type { ByteStream } from "../../io/byte-stream.ts";
import { closeQuietly } from "../../io/close-quietly.ts";
import { writeAll } from "../../io/write-all.ts";
import { Attempt } from "../attempt.ts";
import { readHead } from "../read-head.ts";
import { acceptUpgrade } from "./agreement.ts";
import { checkRequest, checkUpgrade } from "./request.ts";
import { directPeer, type Peer, type PeerFinder } from "./peer.ts";
import { streamFacts } from "./stream-facts.ts";
import { checkOwnHeaders, toHandshakeError, writeRefusal } from "./response.ts";
import { CallbackNegotiation } from "./callback-negotiation.ts";
import { type Agreement, UpgradedStream } from "../upgraded-stream.ts";
import type { UpgradeCallbacks } from "./upgrade-callbacks.ts";

/** Options of an {@link Upgrader}. */
export interface UpgraderOptions<Context> extends UpgradeCallbacks<Context> {
  /** Makes what the callbacks of one request share, and the stream carries as `context`. Default: undefined. */
  readonly newContext?: (() => Context) | undefined;
  /**
   * Extensions that are agreed to where they are offered; the stream has what a Reader and a Writer need of them.
   * Offers of others are for `negotiate`. Default: none.
   */
  readonly extensions?: readonly Extension[] | undefined;
  /** Headers of every answer, whether it is 101 or a refusal. */
  readonly header?: GivenHeaders | undefined;
  /**
   * Finds the client behind proxies: a `PeerFinder` of `framewire`. What they say malformed gets 400. The stream must tell who is
   * connected, by `remoteAddress`. Default: who is at the stream.
   */
  readonly peers?: PeerFinder | undefined;
  /** Bytes of the read buffer, which the stream goes on to use. Default: 4096. */
  readonly readBufferSize?: number | undefined;
  /** What the request may cost. Default: 16 KiB, of which 8 KiB target, and 128 headers. */
  readonly headLimits?: Partial<HeadLimits> | undefined;
  /** Milliseconds until 408; 0 or Infinity for no limit. Default: 10 000. */
  readonly timeout?: number | undefined;
  /** Where that time is kept. Default: one timer for all. */
  readonly deadlines?: Deadlines | undefined;
}

const defaultTimeout = 10_000;

const upgraderTable: OptionTable<UpgraderOptions<unknown>> = {
  onPeer: callback,
  onRequest: callback,
  onHost: callback,
  onHeader: callback,
  protocol: callback,
  protocolCustom: callback,
  negotiate: callback,
  extensionCustom: callback,
  onBeforeUpgrade: callback,
  newContext: callback,
  extensions: objects,
  header: headersKind,
  peers: /* @__PURE__ */ having("a PeerFinder", "find"),
  readBufferSize: number,
  headLimits: headLimitsKind,
  timeout: milliseconds,
  deadlines,
};

/** Milliseconds that a refusal may take to leave, also behind the timeout: who does not read is not waited for. */
const refusalTimeout = 2_000;

/** A request that is agreed to, and what to answer. */
interface Acceptance<Context> {
  readonly response: Uint8Array;
  readonly agreement: Agreement<Context>;
}

/**
 * Does handshakes; one is enough for all connections, also at the same time.
 *
 * @example
 * const upgrader = new Upgrader({
 *   newContext: () => ({ user: "" }),
 *   onHeader(name, value, context) {
 *     if (headerIs(name, "cookie")) context.user = cookie(headerText(value), "user") ?? "";
 *   },
 *   onBeforeUpgrade({ user }) {
 *     if (user === "") throw rejectConnection({ status: 401 });
 *   },
 * });
 * const stream = await upgrader.upgrade(conn);
 * console.log(stream.context.user, stream.protocol);
 *
 * @see gobwas Upgrader
 */
export class Upgrader<Context = undefined> {
  /** As they were given. */
  readonly options: UpgraderOptions<Context>;
  readonly #header: HeaderPairs;
  readonly #limits: HeadLimits;

  /**
   * Makes an upgrader; one serves any number of connections.
   *
   * @throws {TypeError} A header that may not be sent, or that the handshake writes itself; an option that is not known, or of
   * a wrong type.
   * @throws {RangeError} The time-out is NaN or below 0.
   */
  constructor(options: UpgraderOptions<Context> = {}) {
    this.options = options;
    checkOptions(options, upgraderTable);
    checkMilliseconds("timeout", options.timeout);
    this.#header = toHeaderPairs(options.header ?? [], "header");
    checkOwnHeaders(this.#header);
    this.#limits = { ...defaultHeadLimits, ...options.headLimits };
  }

  /**
   * Reads a request, asks the callbacks, answers.
   *
   * The request has been checked when the first callback is asked. A client that is refused has got the answer when this
   * throws. Where it throws the stream is closed, or about to be: its owner may close it again, and need not.
   *
   * @param stream Not to be read from afterwards: what is returned takes its place.
   * @throws {HandshakeError} The request is refused, by a rule or by rejectConnection.
   * @throws {LimitError} `HEAD_TOO_LARGE`, `TARGET_TOO_LONG`, `TOO_MANY_HEADERS`
   * @throws {TimeoutError} `HANDSHAKE_TIMEOUT`: what still comes of a callback is ignored
   * @throws {TransportError} `UNEXPECTED_END`, `RESET`
   * @throws {TypeError} There are `peers`, and the stream does not tell who is connected.
   * @throws Whatever a callback throws.
   */
  async upgrade(stream: ByteStream): Promise<UpgradedStream<Context>> {
    const { readBufferSize, timeout = defaultTimeout, deadlines } = this.options;
    const buffered =
      stream instanceof BufferedStream
        ? stream
        : new BufferedStream(stream, { size: readBufferSize });
    const attempt = new Attempt({ timeout, code: "HANDSHAKE_TIMEOUT", deadlines });
    try {
      if (this.options.peers !== undefined && streamFacts(buffered) === undefined)
        throw unknownPeer();
      const { response, agreement } = await this.#acceptOrRefuse(buffered, attempt);
      try {
        // Once the first byte of this answer has left, no other answer may follow, whatever goes wrong.
        await attempt.race(Promise.resolve(writeAll(buffered, response)));
      } catch (error) {
        closeSessions(agreement.sessions!);
        throw error;
      }
      return new UpgradedStream(buffered, agreement);
    } catch (error) {
      // The answer, where there was somebody to answer, has left. It says that the connection ends.
      closeQuietly(buffered);
      throw error;
    } finally {
      attempt.end();
    }
  }

  async #acceptOrRefuse(stream: BufferedStream, attempt: Attempt): Promise<Acceptance<Context>> {
    const parser = new HeadParser("request", this.#limits);
    try {
      return await attempt.race(this.#accept(stream, parser, attempt));
    } catch (error) {
      if (parser.isComplete || isRefusal(error)) await this.#refuse(stream, parser, error);
      throw error;
    }
  }

  async #accept(
    stream: BufferedStream,
    parser: HeadParser,
    attempt: Attempt,
  ): Promise<Acceptance<Context>> {
    await readHead(stream, parser);
    attempt.check();
    const { head } = parser;
    checkRequest(head);
    checkUpgrade(head);
    const { options } = this;
    const context = options.newContext?.() as Context;
    const peer = this.#peerOf(head, stream);
    const done = peer && options.onPeer?.(peer, context);
    if (isPromise(done)) {
      await done;
      attempt.check();
    }
    const negotiation = new CallbackNegotiation(
      head,
      options,
      context,
      attempt,
      options.extensions,
    );
    const choice = await negotiation.run();
    const { protocol, extensions } = choice;
    const added = await options.onBeforeUpgrade?.(context);
    const headers = [...this.#header, ...toHeaderPairs(added ?? [], "onBeforeUpgrade()")];
    const offered = protocol === undefined ? [] : [protocol];
    const { response, sessions } = acceptUpgrade(head, offered, choice, headers);
    const side = StateServerSide;
    const agreement = { side, protocol: protocol ?? "", extensions, sessions, peer, context };
    return { response, agreement };
  }

  /** Makes no string of Host where nobody asks who it is. */
  #peerOf(head: Head, stream: ByteStream): Peer | undefined {
    const { peers, onPeer } = this.options;
    if ((peers ?? onPeer) === undefined) return undefined;
    const facts = streamFacts(stream) ?? {};
    return peers?.find(head, facts) ?? directPeer(facts, head.value(head.find("host")));
  }

  /** Answers an error, with the headers of every answer. */
  async #refuse(stream: ByteStream, parser: HeadParser, error: unknown): Promise<void> {
    const { code, status, headers, body, message } = toHandshakeError(error);
    const refusal = new HandshakeError(code, {
      status,
      headers: [...this.#header, ...headers],
      message,
      ...(body === undefined ? {} : { body }),
    });
    const { deadlines } = this.options;
    const attempt = new Attempt({ timeout: refusalTimeout, code: "HANDSHAKE_TIMEOUT", deadlines });
    try {
      const response = writeRefusal(refusal, methodOf(parser));
      await attempt.race(Promise.resolve(writeAll(stream, response)));
    } catch {
      // The refusal itself is what the caller is told of.
    } finally {
      attempt.end();
    }
  }
}

/** Without an address a stream would pass for one of a Unix socket, which a PeerFinder may believe. */
function unknownPeer(): TypeError {
  return new TypeError(
    "peers need to know who is connected: stream must have remoteAddress, as those of listen() and newSocketStream() do; " +
      "undefined is for a Unix socket",
  );
}

/** Tells an error of a request that did not come whole from one of the stream, which leaves nobody to answer to. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof HandshakeError || error instanceof LimitError || error instanceof TimeoutError
  );
}

function methodOf(parser: HeadParser): string | undefined {
  return parser.isComplete ? parser.head.method : undefined;
}

let defaultUpgrader: Upgrader | undefined;

/**
 * Upgrades with all defaults: no subprotocol, no extension, nobody refused but by the rules. Where it throws, the stream
 * is closed.
 *
 * @throws As {@link Upgrader.upgrade}.
 * @see gobwas Upgrade, DefaultUpgrader
 */
export function upgrade(stream: ByteStream): Promise<UpgradedStream> {
  return (defaultUpgrader ??= new Upgrader()).upgrade(stream);
}
