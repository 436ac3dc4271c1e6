/**
 * The part of a client of PostgreSQL that a backplane needs, as `Client` of `pg` has it; and the meaning of its errors.
 *
 * @module
 */

/** A client that has not connected yet: `new Client(...)` of `pg`. */
export interface PostgresClient {
  /** Opens the client's connection. */
  connect(): Promise<unknown>;
  /** Sends one command; or several commands, if they have no values. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Ends the client's connection. */
  end(): Promise<unknown>;
  /** Adds a listener for "error", "end" or "notification". */
  on(event: string, listener: (...values: never[]) => void): unknown;
}

/** A command. */
export interface PostgresQuery {
  /** The SQL of the command. */
  text: string;
  /** The values of $1, $2 and so on. */
  values?: unknown[];
}

/** The result of a command. */
export interface PostgresResult {
  /** The rows: objects with a field for each column. */
  readonly rows: unknown[];
}

/** A notification that has come on a channel. */
export interface PostgresNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** Gives the code (SQLSTATE) of an error of PostgreSQL itself; undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as {
    readonly code?: string;
    readonly severity?: string;
  };
  // Errors of a runtime's sockets have codes, too, such as EPIPE, but no severity.
  return severity === undefined ? undefined : code;
}

/** The code for a table that does not exist. */
export const undefinedTable = "42P01";

/** The error if notifications of the connection that publishes do not reach the one that listens. */
export class NotNotifiedError extends Error {
  override readonly name = "NotNotifiedError";

  constructor() {
    super(
      "PostgreSQL does not notify this connection: connect both clients to the same database, directly or by a pooler that keeps a connection for each client, such as pgbouncer with pool_mode = session",
    );
  }
}

/** Codes for logins, databases and rights; and the client's message if the password is missing or is not a string. */
const hopelessCodes = /^(?:28|3D|42)/;
const hopelessMessage = /^SASL: /;
/** The code that pgbouncer gives to all its own errors, and its messages for logins and databases. */
const poolerCode = "08P01";
const hopelessOfPooler = /^(?:(?:password|SASL) authentication failed|no such (?:user|database))/;

/** Tells whether PostgreSQL or the client has refused to log in. Trying again would not help. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof NotNotifiedError) return true;
  const code = codeOf(error);
  const message = String((error as Partial<Error> | undefined)?.message);
  if (code === poolerCode) return hopelessOfPooler.test(message);
  return code === undefined ? hopelessMessage.test(message) : hopelessCodes.test(code);
}

/** Codes of outages. 08: the connection. 57P: PostgreSQL stops or starts. 53300: it has too many connections. */
const outageCodes = /^(?:08|57P|53300)/;

/** Tells whether an error is only the answer to a command, so that the connection can still be used. */
export function isAnswer(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && !outageCodes.test(code);
}

/** Drops a client's connection at once. `end` alone would wait for a PostgreSQL that does not answer. */
export function dropClient(client: PostgresClient): void {
  const { connection } = client as {
    readonly connection?: { readonly stream?: { destroy?(): void } };
  };
  Promise.resolve(client.end()).catch(() => {});
  connection?.stream?.destroy?.();
}
