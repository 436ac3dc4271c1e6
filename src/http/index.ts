/**
 * Heads of HTTP/1.1 messages: parsed in place, limited, written with care (RFC 9110, RFC 9112). No bodies.
 *
 * @example
 * import { HeadParser } from "framewire/http";
 *
 * const parser = new HeadParser("request");
 * const end = parser.feed(chunk);
 * if (parser.isComplete) console.log(parser.head.get("host"), "then", chunk.length - end, "bytes more");
 *
 * @module
 */

export { HandshakeError, type HeaderPairs, LimitError } from "../errors.ts";
export { Head } from "./head.ts";
export { defaultHeadLimits, type HeadKind, type HeadLimits, HeadParser } from "./parser.ts";
export { addListTokens, isFieldValue, isToken, listHasToken } from "./token.ts";
export { headerLines, writeResponse } from "./write.ts";
