/**
 * Every error that framewire throws or reports. Errors that a catcher treats alike share a class; each cause has a code of its
 * own. Each file of `errors/` lists the codes of one class.
 *
 * Codes are stable; messages are for people and may change.
 *
 * @module
 */

export { type BackplaneCode, BackplaneError } from "./errors/backplane.ts";
export { ClosedError, type Closure, type Initiator } from "./errors/closed.ts";
export { type DialCode, DialError, type DialErrorOptions } from "./errors/dial.ts";
export {
  type HandshakeCode,
  HandshakeError,
  type HandshakeErrorOptions,
  type HeaderPairs,
} from "./errors/handshake.ts";
export { type LimitCode, LimitError } from "./errors/limit.ts";
export { ProtocolError, type ProtocolErrorOptions, type ViolationCode } from "./errors/protocol.ts";
export { type TimeoutCode, TimeoutError } from "./errors/timeout.ts";
export {
  connectionLost,
  type TransportCode,
  TransportError,
  type TransportErrorOptions,
} from "./errors/transport.ts";
