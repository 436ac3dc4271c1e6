/**
 * The client's side of the opening handshake: makes a stream from a URL (RFC 6455, 4.1).
 *
 * Theory of operation. One call is one Attempt, which its timeout or the caller's signal may abort. The call connects, writes the
 * request, reads the head of the response, and checks it. Each step may replace the stream, for example by TLS; the current one
 * is held (held-stream.ts). If the attempt fails or is aborted, the held stream is closed, and later results have no effect.
 *
 * @module
 */

import { checkMilliseconds } from "../../arguments.ts";
import { concat } from "../../bytes.ts";
import { checkOptions } from "../../check-options.ts";
import { DialError, HandshakeError, LimitError } from "../../errors.ts";
import type { Extension, ExtensionSession } from "../../extension/extension.ts";
import { closeSessions, openExtensions, takeAnswer } from "../../extension/negotiation.ts";
import { StateClientSide } from "../../frame/check.ts";
import type { Head } from "../../http/head.ts";
import { toHeaderPairs } from "../../http/headers.ts";
import type { Option } from "../../http/option.ts";
import { defaultHeadLimits, type HeadLimits, HeadParser } from "../../http/parser.ts";
import { canonicalize } from "../../http/view.ts";
import { headerLines } from "../../http/write.ts";
import { BufferedStream } from "../../io/buffered.ts";
import type { ByteStream } from "../../io/byte-stream.ts";
import { connectStreamOn } from "../../io/connect-stream.ts";
import { writeAll } from "../../io/write-all.ts";
import type { Connect, Signal } from "../../transport.ts";
import { Attempt } from "../attempt.ts";
import { type DialerOptions, dialerTable, type DialOptions, dialTable } from "./dial-options.ts";
import { checkAnswer, checkOffer, newKey, type Offer, writeDialRequest } from "./dial-request.ts";
import { HandshakeResponse } from "./handshake-response.ts";
import { readHead } from "../read-head.ts";
import { HeldStream } from "./held-stream.ts";
import { ResponseBody } from "./response-body.ts";
import { UpgradedStream } from "../upgraded-stream.ts";
import { type Destination, parseUrl } from "./url.ts";

const defaultTimeout = 30_000;

/** Milliseconds for the body of a refusal, because a server may keep the connection open after it. */
const bodyTimeout = 2_000;

/** Most informational responses (1xx) that are skipped before the real response. */
const maxInformational = 8;

/**
 * Dials WebSocket servers. One dialer can make any number of connections, also at the same time.
 *
 * @example
 * const dialer = new Dialer({ connect, protocols: ["chat.v2"], timeout: 5000 });
 * const stream = await dialer.dial("wss://example.org/chat", { signal });
 *
 * @see gobwas Dialer
 */
export class Dialer {
  /** The options, as they were given. */
  readonly options: DialerOptions;
  readonly #offer: Offer;
  readonly #extensions: readonly Extension[];
  readonly #limits: HeadLimits;

  /**
   * Makes a dialer.
   *
   * @throws {TypeError} An option may not be sent; an option is unknown, or of a wrong type.
   * @throws {RangeError} The timeout is NaN or below 0.
   */
  constructor(options: DialerOptions = {}) {
    this.options = options;
    checkOptions(options, dialerTable);
    checkMilliseconds("timeout", options.timeout);
    const { protocols = [], extensions = [], header = [] } = options;
    this.#extensions = extensions.filter(isExtension);
    this.#offer = {
      protocols,
      extensions: extensions.flatMap((one) => (isExtension(one) ? one.offers : one)),
      header: toHeaderPairs(header, "header"),
    };
    checkOffer(this.#offer);
    if (options.host !== undefined) headerLines([["Host", options.host]]);
    this.#limits = { ...defaultHeadLimits, ...options.headLimits };
  }

  /**
   * Connects and does the handshake.
   *
   * @param url With the scheme ws or wss, without fragment and credentials.
   * @returns The stream. Bytes that came with the response are read from it first.
   * @throws {TypeError} The URL, or an option that it needs, is wrong.
   * @throws {DialError} The server refused, or its response is wrong: see its `status`, `headers` and `body`.
   * @throws {TimeoutError} `DIAL_TIMEOUT`
   * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `UNEXPECTED_END`, `RESET`, `FAILED`
   * @throws The signal's reason, or the error of a callback.
   * @see gobwas Dialer.Dial
   */
  async dial(
    url: string | { readonly href: string },
    { signal }: DialOptions = {},
  ): Promise<UpgradedStream> {
    const destination = parseUrl(url);
    return this.#attempt(signal, async (attempt, held) => {
      await this.#connect(destination, attempt, held);
      return this.#handshake(destination, attempt, held);
    });
  }

  /**
   * Does the handshake on a connected stream. If the handshake fails, the stream is closed.
   *
   * @throws As {@link dial}.
   * @see gobwas Dialer.Upgrade
   */
  async upgrade(
    stream: ByteStream,
    url: string | { readonly href: string },
    { signal }: DialOptions = {},
  ): Promise<UpgradedStream> {
    return this.#attempt(signal, async (attempt, held) => {
      held.hold(stream);
      return this.#handshake(parseUrl(url), attempt, held);
    });
  }

  async #attempt(
    signal: Signal | undefined,
    work: (attempt: Attempt, held: HeldStream) => Promise<UpgradedStream>,
  ): Promise<UpgradedStream> {
    const { timeout = defaultTimeout, deadlines } = this.options;
    const attempt = new Attempt({ timeout, code: "DIAL_TIMEOUT", signal, deadlines });
    const held = new HeldStream(attempt);
    try {
      const stream = await attempt.race(work(attempt, held));
      attempt.check();
      return stream;
    } catch (error) {
      held.close();
      throw error;
    } finally {
      attempt.end();
    }
  }

  async #connect(
    { isSecure, hostname, port }: Destination,
    attempt: Attempt,
    held: HeldStream,
  ): Promise<void> {
    const { netDial, tlsClient, tlsOptions = {}, connect, wrapConn } = this.options;
    const tls = isSecure && tlsClient === undefined ? tlsOptions : undefined;
    if (netDial !== undefined && tls !== undefined) {
      throw new TypeError("Dialer with netDial needs tlsClient, too, for wss");
    }
    if (netDial === undefined && connect === undefined) {
      throw new TypeError(
        "Dialer needs netDial, or connect: use dial() of framewire/node, /deno, /bun or /auto",
      );
    }
    attempt.check();
    held.hold(
      netDial === undefined
        ? await connect!({ hostname, port, signal: attempt, tls })
        : await netDial({ hostname, port, signal: attempt }),
    );
    if (isSecure && tlsClient !== undefined) held.hold(await tlsClient(held.stream, hostname));
    if (wrapConn !== undefined) held.hold(await wrapConn(held.stream));
  }

  async #handshake(
    { target, host }: Destination,
    attempt: Attempt,
    { stream: conn }: HeldStream,
  ): Promise<UpgradedStream> {
    attempt.check();
    const stream =
      conn instanceof BufferedStream
        ? conn
        : new BufferedStream(conn, { size: this.options.readBufferSize });
    const key = newKey();
    await writeAll(conn, writeDialRequest(target, this.options.host ?? host, key, this.#offer));
    const head = await this.#readAnswer(stream);
    if (head.status !== 101) throw await this.#statusError(stream, head, attempt);
    const answer = checkAnswer(head, key, this.#offer);
    const sessions = this.#openExtensions(answer.extensions);
    if (sessions === undefined) {
      throw new DialError("BAD_EXTENSIONS", { status: 101, headers: [...head.entries()] });
    }
    // This comes first, because the next step changes the case of header names in place, for onHeader.
    const response = new HandshakeResponse(head);
    try {
      await this.#tellHeaders(head, attempt);
    } catch (error) {
      closeSessions(sessions);
      throw error;
    }
    const agreement = { side: StateClientSide, ...answer, sessions, response, context: undefined };
    return new UpgradedStream(stream, agreement);
  }

  /** @returns undefined if the response chose something that was not offered. */
  #openExtensions(answer: readonly Option[]): readonly ExtensionSession[] | undefined {
    const own = answer.filter(({ name }) => this.#extensions.some((one) => one.name === name));
    const agreed = takeAnswer(this.#extensions, own);
    return agreed && openExtensions(agreed, StateClientSide);
  }

  /** Reads the head of the response, and skips informational responses before it (RFC 9110, 15.2). */
  async #readAnswer(stream: BufferedStream): Promise<Head> {
    for (let count = 0; count <= maxInformational; count++) {
      const head = await this.#readHead(stream);
      if (head.major !== 1 || head.minor < 1) {
        throw new DialError("BAD_PROTOCOL", { status: head.status });
      }
      if (head.status >= 200 || head.status === 101) return head;
    }
    throw new DialError("MALFORMED_RESPONSE", {
      cause: new Error(`More than ${maxInformational} informational responses`),
    });
  }

  async #readHead(stream: BufferedStream): Promise<Head> {
    try {
      return await readHead(stream, new HeadParser("response", this.#limits));
    } catch (cause) {
      if (!(cause instanceof HandshakeError || cause instanceof LimitError)) throw cause;
      throw new DialError("MALFORMED_RESPONSE", { cause });
    }
  }

  async #statusError(stream: BufferedStream, head: Head, attempt: Attempt): Promise<DialError> {
    // Reading the body may overwrite the bytes of the head.
    head.retain();
    const body = new ResponseBody(stream);
    await this.#atMost(bodyTimeout, body.read(head));
    attempt.check();
    const { bytes } = body;
    const { onStatusError } = this.options;
    if (onStatusError !== undefined) {
      const response = concat([head.bytes.subarray(0, head.size), bytes]);
      await onStatusError(head.status, head.reason, response);
      attempt.check();
    }
    return new DialError("BAD_STATUS", {
      status: head.status,
      headers: [...head.entries()],
      body: bytes,
    });
  }

  /** Waits for `work`, with a time limit. */
  async #atMost(timeout: number, work: Promise<void>): Promise<void> {
    const { deadlines } = this.options;
    const limit = new Attempt({ timeout, code: "DIAL_TIMEOUT", deadlines });
    try {
      await limit.race(work);
    } catch {
      // After the time limit, the bytes that have come are enough.
    } finally {
      limit.end();
    }
  }

  async #tellHeaders(head: Head, attempt: Attempt): Promise<void> {
    const { onHeader } = this.options;
    if (onHeader === undefined) return;
    for (let index = 0; index < head.headerCount; index++) {
      if (answerHeaders.has(head.name(index).toLowerCase())) continue;
      const { bytes } = head;
      const name = bytes.subarray(head.nameStart(index), head.nameEnd(index));
      canonicalize(name, 0, name.length);
      await onHeader(name, bytes.subarray(head.valueStart(index), head.valueEnd(index)));
      attempt.check();
    }
  }
}

/**
 * Dials with a runtime's own sockets. Adapters wrap it as their own `dial`.
 *
 * @throws As {@link Dialer.dial}.
 * @see gobwas Dial
 */
export async function dialOn(
  connect: Connect,
  url: string | { readonly href: string },
  options: DialerOptions & DialOptions = {},
): Promise<UpgradedStream> {
  checkOptions(options, dialTable);
  const { signal, ...others } = options;
  const dialer = new Dialer({ connect: (to) => connectStreamOn(connect, to), ...others });
  return dialer.dial(url, { signal });
}

function isExtension(offered: Extension | Option): offered is Extension {
  return "open" in offered;
}

/** Headers of a response that the handshake itself reads. */
const answerHeaders = new Set([
  "upgrade",
  "connection",
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
]);
