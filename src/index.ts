/**
 * framewire: WebSocket (RFC 6455) for Node, Deno and Bun, at three levels.
 *
 * This entry holds what an application needs beside its runtime's adapter: types, errors, and the parts of the
 * connection level that no runtime is needed for. `serve` comes from `framewire/node`, `framewire/deno` or
 * `framewire/bun`; frames are in `framewire/frame`.
 *
 * @module
 */

export {
  type Binary,
  type Clock,
  Connection,
  type ConnectionOptions,
  type ConnectionState,
  type Data,
  type Handlers,
  prepareMessage,
  type SendOptions,
  serveOn,
  type ServeOptions,
  Server,
  type ServerHandlers,
  type ShutdownOptions,
  type ShutdownResult,
  systemClock,
  type Upgrade,
} from "./connection/index.ts";
export { PreparedMessage } from "./endpoint/prepared.ts";
export {
  ClosedError,
  type Closure,
  type DialCode,
  DialError,
  type DialErrorOptions,
  type HandshakeCode,
  HandshakeError,
  type HandshakeErrorOptions,
  type HeaderPairs,
  type Initiator,
  type LimitCode,
  LimitError,
  ProtocolError,
  type TimeoutCode,
  TimeoutError,
  type TransportCode,
  TransportError,
  type ViolationCode,
} from "./errors.ts";
export type { Extension } from "./extension/index.ts";
export type { CompressionOptions } from "./flate/permessage-deflate.ts";
export {
  type HttpReply,
  type QueryParameters,
  rejectConnection,
  UpgradeRequest,
} from "./handshake/index.ts";
export type {
  Connect,
  ConnectOptions,
  Listen,
  Listener,
  ListenOptions,
  Signal,
  TlsOptions,
  Transport,
  TransportHandler,
} from "./transport.ts";
