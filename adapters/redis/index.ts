/**
 * Joins servers over Redis or Valkey. The application brings the client: node-redis or ioredis.
 *
 * @example
 * import { createClient } from "redis";
 * import { serve } from "framewire/node";
 * import { redisBackplane } from "framewire/redis";
 *
 * const backplane = redisBackplane(createClient({ url: "redis://redis.internal" }));
 * await serve({ port: 8080, backplane }, { open: (ws) => ws.subscribe("news") });
 *
 * @module framewire/redis
 */

export { redisBackplane, type RedisBackplaneOptions } from "./backplane.ts";
export { redisStreams, type RedisStreamsOptions } from "./streams.ts";
export type { RedisClient } from "./clients.ts";
