/**
 * A plain request, as the `http` hook sees it.
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
   * Bytes that it may have; beyond, `BODY_TOO_LARGE`, which answers 413. 0 or Infinity for no other limit than the server's
   * `maxBodySize`. Default: no other limit.
   */
  readonly limit?: number | undefined;
}

const bodyTable: OptionTable<BodyOptions> = { limit: number };

/**
 * A request that asks for no upgrade. Its body comes while the hook is at work, and the client is held back while the hook does
 * not read. Read it one way, once; what is not read when the answer has been sent is dropped, and to read on is a TypeError.
 *
 * A body that cannot be read rejects with an error that answers the request where the hook throws it: 413 where it is too
 * large, 400 where it is malformed.
 */
export class HttpRequest extends UpgradeRequest implements AsyncIterable<Uint8Array> {
  readonly #body: RequestBody;
  /** The method as it was sent, such as "GET", "HEAD" or "POST". */
  readonly method: string;

  /** @internal For the library: hooks are given theirs. */
  constructor(head: Head, facts: Partial<TransportFacts>, body: RequestBody, peer?: Peer) {
    super(head, facts, peer);
    this.method = head.method;
    this.#body = body;
  }

  /** Whether it has a body, or the rest of one that is still to come. */
  get hasBody(): boolean {
    return !this.#body.isEmpty;
  }

  /** Gives the body piece by piece, as it comes; pieces are yours. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#body.pieces() as AsyncIterator<Uint8Array, undefined>;
  }

  /** The body as a `ReadableStream` of bytes. */
  get readable(): WebReadable {
    return this.#body.pieces().readable;
  }

  /**
   * Gathers the body; empty where there is none.
   *
   * @throws {LimitError} `BODY_TOO_LARGE`
   * @throws {HandshakeError} `BAD_BODY`
   * @throws {TimeoutError} `HANDSHAKE_TIMEOUT`: it came too slowly.
   * @throws {TransportError} The client has gone.
   * @throws {TypeError} An option is not known, or the limit is no number: at the call.
   * @throws {RangeError} The limit is not a whole number from 0 on, or Infinity: at the call.
   */
  bytes(options: BodyOptions = {}): Promise<Uint8Array> {
    return quiet(this.#body.bytes(limitOf(options)));
  }

  /** Gathers the body as text in UTF-8. @throws As {@link bytes}. */
  text(options: BodyOptions = {}): Promise<string> {
    return quiet(this.#text(limitOf(options)));
  }

  /** Gathers the body as JSON. @throws As {@link bytes}; `BAD_BODY` where it is none. */
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

/** @throws {TypeError} @throws {RangeError} An option is none, or the limit is. */
function limitOf(options: BodyOptions): number {
  checkOptions(options, bodyTable);
  const { limit = Infinity } = options;
  checkWhole("limit", limit, Infinity);
  return limit || Infinity;
}
