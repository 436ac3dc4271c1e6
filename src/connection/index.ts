/**
 * Connections with promises, time and back-pressure, over any transport.
 *
 * @module
 */

export { type Clock, systemClock } from "../clock.ts";
export {
  type Binary,
  Connection,
  type ConnectionState,
  prepareMessage,
  type SendOptions,
} from "./connection.ts";
export type { Data, Handlers, ServerHandlers, Upgrade } from "./handlers.ts";
export type { ConnectionOptions } from "./options.ts";
export {
  serveOn,
  type ServeOptions,
  Server,
  type ShutdownOptions,
  type ShutdownResult,
} from "./serve.ts";
