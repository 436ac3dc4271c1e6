/**
 * One open connection without its socket, for programs that bring their own I/O.
 *
 * @module framewire/endpoint
 */

export { type Closure, type Initiator, LimitError, ProtocolError } from "../errors.ts";
export type { ClosingStage, ClosingState } from "./closing.ts";
export { type Direction, Endpoint, type EndpointOptions, type Side } from "./endpoint.ts";
export type { EndpointEvents } from "./endpoint-events.ts";
export { defaultMessageLimits, type MessageLimits } from "./limits.ts";
export { WriteBuffer } from "./write-buffer.ts";
export { PreparedMessage } from "./prepared.ts";
export type { MessagePieces } from "./streamed-message.ts";
export { Traffic } from "./traffic.ts";
