/**
 * Parses Sec-WebSocket-Protocol into a set of names (RFC 6455, 11.3.4).
 *
 * @module
 */

import { isToken } from "../../src/http/token.ts";

/**
 * Gives the subprotocols that a header names, in their order.
 *
 * @param header The value of Sec-WebSocket-Protocol.
 * @throws {SyntaxError} The header is no list of distinct tokens.
 */
export function parse(header: string): Set<string> {
  const names = new Set<string>();
  for (const part of header.split(",")) {
    const name = part.replace(/^[ \t]+|[ \t]+$/g, "");
    if (!isToken(name)) throw new SyntaxError(`No list of tokens: ${JSON.stringify(header)}`);
    if (names.has(name)) throw new SyntaxError(`The "${name}" subprotocol is duplicated`);
    names.add(name);
  }
  return names;
}
