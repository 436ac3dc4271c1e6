/**
 * Joins servers over NATS. The application brings the client: `nats` or `@nats-io/transport-node`.
 *
 * @example
 * import { connect } from "@nats-io/transport-node";
 * import { natsBackplane } from "framewire/nats";
 * import { serve } from "framewire/node";
 *
 * const backplane = natsBackplane(connect, { servers: "nats.internal" });
 * await serve({ port: 8080, backplane }, { open: (ws) => ws.subscribe("news") });
 *
 * @module framewire/nats
 */

export { natsBackplane, type NatsBackplaneOptions } from "./backplane.ts";
export { type NatsModule, natsStreams, type NatsStreamsOptions } from "./streams.ts";
export type {
  NatsConnect,
  NatsConnection,
  NatsHeaders,
  NatsMessage,
  NatsServerInfo,
  NatsStatus,
  NatsSubscription,
} from "./client.ts";
