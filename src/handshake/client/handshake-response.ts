/**
 * What a server answered to a client's handshake.
 *
 * @module
 */

import type { HeaderPairs } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { HeadParser } from "../../http/parser.ts";

/** No limits: the head has passed those that were set when it came. */
const unlimited = { maxHeadSize: Infinity, maxTargetSize: Infinity, maxHeaders: Infinity };

/**
 * The response that opened a client's connection (RFC 6455, 4.2.2): its status and all its headers, such as cookies.
 *
 * It is kept as the bytes that came, and taken apart each time that it is asked: a connection that nobody asks costs no more
 * than those.
 *
 * @example
 * const ws = await connect("wss://example.org/");
 * const cookies = ws.response?.getAll("set-cookie");
 */
export class HandshakeResponse {
  readonly #bytes: Uint8Array;

  /** For the library: `connect` and `dial` give it. @param head A response that was checked; its bytes are copied. */
  constructor(head: Head) {
    this.#bytes = head.copy();
  }

  /** The HTTP status: 101, where a connection came of it. */
  get status(): number {
    return this.#parse().status;
  }

  /** All headers as name and value, in the order in which they came. */
  get headers(): HeaderPairs {
    return [...this.#parse().entries()];
  }

  /** Gives a header's value; the values of several with one name are joined by ", ". @param name In any case. */
  get(name: string): string | undefined {
    return this.#parse().get(name);
  }

  /** Gives the values of all headers with a name, such as those of Set-Cookie. @param name In any case. */
  getAll(name: string): string[] {
    const lower = name.toLowerCase();
    return this.headers.flatMap(([other, value]) => (other.toLowerCase() === lower ? value : []));
  }

  #parse(): Head {
    const parser = new HeadParser("response", unlimited);
    parser.feed(this.#bytes);
    return parser.head;
  }
}
