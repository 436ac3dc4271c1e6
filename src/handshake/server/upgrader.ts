/**
 * The server's side of the opening handshake over a byte stream, with a callback at each step (RFC 6455, 4.2).
 *
 * Theory of operation. One call is one Attempt, which its timeout may abort. The call reads and checks the head, calls the
 * callbacks (callback-negotiation.ts), and writes 101 (agreement.ts). If a step fails, it writes a refusal, unless the stream
 * itself has failed, and closes the stream.
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
  /** Makes the context of one request: all its callbacks get it, and the stream has it as `context`. Default: undefined. */
  readonly newContext?: (() => Context) | undefined;
  /**
   * Extensions to accept if the client offers them. The stream has the parts that a Reader and a Writer need. Offers of other
   * extensions go to `negotiate`. Default: none.
   */
  readonly extensions?: readonly Extension[] | undefined;
  /** Headers of every response, 101 or refusal. Default: none. */
  readonly header?: GivenHeaders | undefined;
  /**
   * Finds the client behind proxies: a `PeerFinder` of `framewire`. A malformed header of a proxy is answered with 400. The
   * stream must have the address of its peer as `remoteAddress`. Default: the client is the other end of the stream.
   */
  readonly peers?: PeerFinder | undefined;
  /** Size of the read buffer in bytes. The stream uses it after the handshake, too. Default: 4096. */
  readonly readBufferSize?: number | undefined;
  /** Limits of the request. Default: 16 KiB, of which 8 KiB for the target, and 128 headers. */
  readonly headLimits?: Partial<HeadLimits> | undefined;
  /** Milliseconds until the answer is 408; 0 or Infinity: no limit. Default: 10 000. */
  readonly timeout?: number | undefined;
  /** The source of time. Default: one timer for all upgraders. */
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

/** Milliseconds to send a refusal, in addition to `timeout`. A client that does not read must not delay this side. */
const refusalTimeout = 2_000;

/** An accepted request, and its response. */
interface Acceptance<Context> {
  readonly response: Uint8Array;
  readonly agreement: Agreement<Context>;
}

/**
 * Does handshakes. One upgrader can serve any number of connections, also at the same time.
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
  /** The options, as they were given. */
  readonly options: UpgraderOptions<Context>;
  readonly #header: HeaderPairs;
  readonly #limits: HeadLimits;

  /**
   * Makes an upgrader, for any number of connections.
   *
   * @throws {TypeError} A header may not be sent, or belongs to the handshake; an option is unknown, or of a wrong type.
   * @throws {RangeError} The timeout is NaN or below 0.
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
   * Reads a request, calls the callbacks, and answers.
   *
   * The request is checked before the first callback. If this throws, the client has got the refusal, and the stream is closed or
   * about to be; you need not close it.
   *
   * @param stream Do not read from it afterwards: the returned stream replaces it.
   * @throws {HandshakeError} The request is refused, by a rule or by rejectConnection.
   * @throws {LimitError} `HEAD_TOO_LARGE`, `TARGET_TOO_LONG`, `TOO_MANY_HEADERS`
   * @throws {TimeoutError} `HANDSHAKE_TIMEOUT`. A later result of a callback is ignored.
   * @throws {TransportError} `UNEXPECTED_END`, `RESET`
   * @throws {TypeError} There are `peers`, but the stream has no address.
   * @throws The error of a callback.
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
        // When the first byte of this response has left, no other response may follow, even after an error.
        await attempt.race(Promise.resolve(writeAll(buffered, response)));
      } catch (error) {
        closeSessions(agreement.sessions!);
        throw error;
      }
      return new UpgradedStream(buffered, agreement);
    } catch (error) {
      // The refusal, if one was possible, has left. It says that the connection ends.
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

  /** Makes no string of the Host header if no option asks for the client. */
  #peerOf(head: Head, stream: ByteStream): Peer | undefined {
    const { peers, onPeer } = this.options;
    if ((peers ?? onPeer) === undefined) return undefined;
    const facts = streamFacts(stream) ?? {};
    return peers?.find(head, facts) ?? directPeer(facts, head.value(head.find("host")));
  }

  /** Answers an error with a refusal, including the headers of every response. */
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
      // The caller gets the error that led to the refusal, not an error of sending it.
    } finally {
      attempt.end();
    }
  }
}

/** A stream without an address would look like a Unix socket, which a PeerFinder may trust. */
function unknownPeer(): TypeError {
  return new TypeError(
    "peers need to know who is connected: stream must have remoteAddress, as those of listen() and newSocketStream() do; " +
      "undefined is for a Unix socket",
  );
}

/** Tells an error that can be answered from an error of the stream, after which nobody reads an answer. */
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
 * Upgrades with all defaults: no subprotocol, no extension, and every client is accepted that keeps to the rules. If it throws,
 * the stream is closed.
 *
 * @throws As {@link Upgrader.upgrade}.
 * @see gobwas Upgrade, DefaultUpgrader
 */
export function upgrade(stream: ByteStream): Promise<UpgradedStream> {
  return (defaultUpgrader ??= new Upgrader()).upgrade(stream);
}
