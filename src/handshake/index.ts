/**
 * The opening handshake of RFC 6455, section 4, as pure functions over bytes: the server's side.
 *
 * @example
 * import { HeadParser } from "framewire/http";
 * import { checkRequest, checkUpgrade, writeUpgrade } from "framewire/handshake";
 *
 * const parser = new HeadParser("request");
 * const end = parser.feed(chunk);
 * if (parser.isComplete) {
 *   checkRequest(parser.head);
 *   checkUpgrade(parser.head);
 *   socket.write(writeUpgrade(parser.head, []));
 *   frames.feed(chunk, end); // what lies behind the request belongs to the connection
 * }
 *
 * @module
 */

export {
  HandshakeError,
  type HandshakeCode,
  type HandshakeErrorOptions,
  type HeaderPairs,
} from "../errors.ts";
export { acceptKey } from "./accept.ts";
export { rejectConnection } from "./reject.ts";
export { checkRequest, checkUpgrade, isUpgrade, offeredProtocols } from "./request.ts";
export {
  type HttpReply,
  toHandshakeError,
  type UpgradeResponse,
  writeRefusal,
  writeReply,
  writeUpgrade,
} from "./response.ts";
export { type QueryParameters, UpgradeRequest } from "./upgrade-request.ts";
