/**
 * The opening handshake (RFC 6455, 4): the server's side as pure functions over bytes, and both sides over streams.
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
 * @module framewire/handshake
 */

export {
  type DialCode,
  DialError,
  type DialErrorOptions,
  HandshakeError,
  type HandshakeCode,
  type HandshakeErrorOptions,
  type HeaderPairs,
} from "../errors.ts";
export { acceptKey } from "./accept.ts";
export { DebugDialer, type DebugCallbacks, DebugUpgrader } from "./debug.ts";
export type { DialerOptions, DialOptions, NetDialOptions } from "./client/dial-options.ts";
export { Dialer } from "./client/dialer.ts";
export { HandshakeResponse } from "./client/handshake-response.ts";
export type { GivenHeaders, HeaderRecord, HeadersLike } from "../http/headers.ts";
export { HttpUpgrader, type ParsedRequest, upgradeHttp } from "./server/http-upgrader.ts";
export { checkOrigin, type OriginPolicy, type OriginTest } from "./server/origin.ts";
export type { ProxyHeader } from "./server/forwarded.ts";
export { ProxyHeaderParser } from "./proxy-protocol/parser.ts";
export type {
  Proxied,
  ProxiedAddress,
  ProxiedField,
  ProxiedTls,
} from "./proxy-protocol/proxied.ts";
export type { Peer } from "./server/peer.ts";
export type { TrustedProxies } from "./server/trusted-proxies.ts";
export { rejectConnection, type RejectionOptions } from "./server/reject.ts";
export { checkRequest, checkUpgrade, isUpgrade, offeredProtocols } from "./server/request.ts";
export {
  type HttpReply,
  toHandshakeError,
  type UpgradeResponse,
  writeRefusal,
  writeReply,
  writeUpgrade,
} from "./server/response.ts";
export { selectEqual, selectFromSlice } from "./server/select.ts";
export type { UpgradeCallbacks } from "./server/upgrade-callbacks.ts";
export { type QueryParameters, UpgradeRequest } from "./server/upgrade-request.ts";
export { type Agreement, UpgradedStream } from "./upgraded-stream.ts";
export { upgrade, Upgrader, type UpgraderOptions } from "./server/upgrader.ts";
export type { Credentials } from "./basic.ts";
export { connectTunnel, type ProxyTarget } from "./proxy/connect-tunnel.ts";
export {
  connectThrough,
  parseProxy,
  type Proxy,
  type ProxyKind,
  tunnelThrough,
} from "./proxy/proxy.ts";
export { type Environment, type ProxyDestination, proxyFor } from "./proxy/proxy-environment.ts";
export { ProxyError, type ProxyErrorOptions } from "./proxy/proxy-error.ts";
export { socksTunnel } from "./proxy/socks.ts";
