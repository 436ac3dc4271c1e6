/**
 * The server's response to a client's handshake.
 *
 * @module
 */

import type { HeaderPairs } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { HeadParser } from "../../http/parser.ts";

/** No limits, because the head has already passed its limits. */
const unlimited = { maxHeadSize: Infinity, maxTargetSize: Infinity, maxHeaders: Infinity };

/**
 * The response that opened a client's connection (RFC 6455, 4.2.2): its status and all its headers, such as cookies.
 *
 * It keeps the received bytes, and parses them at each call. So a connection whose response is never read costs only these bytes.
 *
 * @example
 * const ws = await connect("wss://example.org/");
 * const cookies = ws.response?.getAll("set-cookie");
 */
export class HandshakeResponse {
  readonly #bytes: Uint8Array;

  /**
   * For framewire itself: applications get it from `connect` and `dial`. @param head A checked response; its bytes are copied.
   */
  constructor(head: Head) {
    this.#bytes = head.copy();
  }

  /** The HTTP status: 101 if the connection opened. */
  get status(): number {
    return this.#parse().status;
  }

  /** All headers as name and value, in the order of the response. */
  get headers(): HeaderPairs {
    return [...this.#parse().entries()];
  }

  /** Gives a header's value. Several values of one name are joined by ", ". @param name In any case. */
  get(name: string): string | undefined {
    return this.#parse().get(name);
  }

  /** Gives all values of one name, such as those of Set-Cookie. @param name In any case. */
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
