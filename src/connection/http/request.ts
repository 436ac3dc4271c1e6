/**
 * A plain request, as the `http` hook gets it.
 *
 * @module
 */

import { checkWhole } from "../../arguments.ts";
import { checkOptions, number, type OptionTable } from "../../check-options.ts";
import { HandshakeError } from "../../errors.ts";
import type { Peer } from "../../handshake/server/peer.ts";
import { UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import type { Head } from "../../http/head.ts";
import { quiet } from "../../deferred.ts";
import type { TransportFacts } from "../../transport.ts";
import type { WebReadable } from "../../web-streams.ts";
import type { RequestBody } from "./request-body.ts";

/** How a body is gathered. */
export interface BodyOptions {
  /**
   * Most bytes that the body may have. A larger one rejects with `BODY_TOO_LARGE`, which is answered with 413. 0 or Infinity:
   * only the server's `maxBodySize` applies. Default: only `maxBodySize` applies.
   */
  readonly limit?: number | undefined;
}

const bodyTable: OptionTable<BodyOptions> = { limit: number };

/**
 * A request that asks for no upgrade. Its body arrives while the hook is at work. While the hook does not read, framewire does
 * not read from the client either. Read the body once, and in one way only. When the answer was sent, the unread rest is dropped,
 * and reading on is a TypeError.
 *
 * If the body cannot be read, the promise rejects with an error. If the hook throws that error, it becomes the answer: 413 if the
 * body is too large, 400 if it is malformed.
 */
export class HttpRequest extends UpgradeRequest implements AsyncIterable<Uint8Array> {
  readonly #body: RequestBody;
  /** The method of the request, such as "GET", "HEAD" or "POST". */
  readonly method: string;

  /** @internal For framewire itself: hooks get their requests from it. */
  constructor(head: Head, facts: Partial<TransportFacts>, body: RequestBody, peer?: Peer) {
    super(head, facts, peer);
    this.method = head.method;
    this.#body = body;
  }

  /** Whether the request has a body, or a rest of one that is still to come. */
  get hasBody(): boolean {
    return !this.#body.isEmpty;
  }

  /** Gives the body piece by piece. The pieces are yours. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#body.pieces() as AsyncIterator<Uint8Array, undefined>;
  }

  /** The body as a `ReadableStream` of bytes. */
  get readable(): WebReadable {
    return this.#body.pieces().readable;
  }

  /**
   * Gathers the body; empty if there is none.
   *
   * @throws {LimitError} `BODY_TOO_LARGE`
   * @throws {HandshakeError} `BAD_BODY`
   * @throws {TimeoutError} `HANDSHAKE_TIMEOUT`: the body came too slowly.
   * @throws {TransportError} The client has left.
   * @throws {TypeError} At the call: an option is unknown, or the limit is not a number.
   * @throws {RangeError} At the call: the limit is neither a whole number from 0 on nor Infinity.
   */
  bytes(options: BodyOptions = {}): Promise<Uint8Array> {
    return quiet(this.#body.bytes(limitOf(options)));
  }

  /** Gathers the body as UTF-8 text. @throws As {@link bytes}. */
  text(options: BodyOptions = {}): Promise<string> {
    return quiet(this.#text(limitOf(options)));
  }

  /** Gathers the body and parses it as JSON. @throws As {@link bytes}; `BAD_BODY` if it is not JSON. */
  json(options: BodyOptions = {}): Promise<unknown> {
    return quiet(this.#json(limitOf(options)));
  }

  async #text(limit: number): Promise<string> {
    return new TextDecoder().decode(await this.#body.bytes(limit));
  }

  async #json(limit: number): Promise<unknown> {
    const text = await this.#text(limit);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new HandshakeError("BAD_BODY", { message: "Request body is no JSON", cause });
    }
  }
}

/** @throws {TypeError} An option is unknown. @throws {RangeError} The limit is out of its range. */
function limitOf(options: BodyOptions): number {
  checkOptions(options, bodyTable);
  const { limit = Infinity } = options;
  checkWhole("limit", limit, Infinity);
  return limit || Infinity;
}
