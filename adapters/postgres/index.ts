/**
 * Joins servers over PostgreSQL's LISTEN and NOTIFY. The application brings the client: `pg`.
 *
 * @example
 * import { Client } from "pg";
 * import { postgresBackplane } from "framewire/postgres";
 * import { serve } from "framewire/node";
 *
 * const backplane = postgresBackplane(() => new Client({ host: "postgres.internal" }));
 * await serve({ port: 8080, backplane }, { open: (ws) => ws.subscribe("news") });
 *
 * @module framewire/postgres
 */

export { postgresBackplane, type PostgresBackplaneOptions } from "./backplane.ts";
export type { PostgresClient, PostgresQuery, PostgresResult } from "./client.ts";
