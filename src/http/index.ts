/**
 * Heads of HTTP/1.1 messages: a parser in place with limits, and checked writing (RFC 9110, RFC 9112). No bodies.
 *
 * @example
 * import { HeadParser } from "framewire/http";
 *
 * const parser = new HeadParser("request");
 * const end = parser.feed(chunk);
 * if (parser.isComplete) console.log(parser.head.get("host"), "then", chunk.length - end, "bytes more");
 *
 * @module framewire/http
 */

export { HandshakeError, type HeaderPairs, LimitError } from "../errors.ts";
export { cookie, type CookieSyntax, parseCookies, scanCookie } from "./cookie.ts";
export { Head } from "./head.ts";
export {
  addOptions,
  equalOptions,
  intFromAscii,
  newOption,
  type Option,
  type OptionParameter,
  optionParameter,
  type OptionParameters,
  type OptionSelection,
  type OptionVisitor,
  parseOptions,
  ScanBreak,
  ScanContinue,
  type ScanControl,
  scanOptions,
  ScanSkip,
  scanTokens,
  selectOptions,
  writeOptions,
} from "./option.ts";
export type { OptionSyntax } from "./option-scanner.ts";
export { type GivenHeaders, type HeaderRecord, type HeadersLike } from "./headers.ts";
export { defaultHeadLimits, type HeadKind, type HeadLimits, HeadParser } from "./parser.ts";
export { addListTokens, isFieldValue, isToken, listHasToken } from "./token.ts";
export { headerIs, headerText } from "./view.ts";
export { headerLines, writeResponse } from "./write.ts";
