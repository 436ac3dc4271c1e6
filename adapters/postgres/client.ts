/**
 * What a backplane needs of a client of PostgreSQL, which `Client` of `pg` has; and what the errors of one mean.
 *
 * @module
 */

/** A client that has not connected yet: `new Client(...)` of `pg`. */
export interface PostgresClient {
  /** Opens its connection. */
  connect(): Promise<unknown>;
  /** Sends one command, or several without values. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Ends its connection. */
  end(): Promise<unknown>;
  /** Is told of "error", "end" and "notification". */
  on(event: string, listener: (...values: never[]) => void): unknown;
}

/** A command. */
export interface PostgresQuery {
  /** SQL. */
  text: string;
  /** What stands for $1, $2 and so on. */
  values?: unknown[];
}

/** What a command gives. */
export interface PostgresResult {
  /** Its rows, by the names of their columns. */
  readonly rows: unknown[];
}

/** What has come on a channel. */
export interface PostgresNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** Gives the code (SQLSTATE) of what PostgreSQL itself says; undefined of other errors. */
export function codeOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as {
    readonly code?: string;
    readonly severity?: string;
  };
  // Errors of a runtime's sockets have codes, too, such as EPIPE.
  return severity === undefined ? undefined : code;
}

/** No such table. */
export const undefinedTable = "42P01";

/** A connection that publishes does not reach the one that listens. */
export class NotNotifiedError extends Error {
  override readonly name = "NotNotifiedError";

  constructor() {
    super(
      "PostgreSQL does not notify this connection: connect to one database, not to a pooler that lends its connections for a transaction",
    );
  }
}

/** Logins, databases and rights; and what the client says where it has no password, or one that is no text. */
const hopelessCodes = /^(?:28|3D|42)/;
const hopelessMessage = /^SASL: /;

/** Tells whether PostgreSQL would not let a client in: to try again would not mend that. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof NotNotifiedError) return true;
  const code = codeOf(error);
  if (code !== undefined) return hopelessCodes.test(code);
  return hopelessMessage.test(String((error as Partial<Error> | undefined)?.message));
}

/**
 * 08: the connection. 57P: PostgreSQL is stopped, or starts. 53300: it has too many connections. 25006: it is a standby now, and the
 * one that takes commands is elsewhere.
 */
const outageCodes = /^(?:08|57P|53300|25006)/;

/** Tells whether an error is the answer to a command, behind which the connection goes on. */
export function isAnswer(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && !outageCodes.test(code);
}

/** Drops a client's connection at once: `end` alone would wait for a server that does not answer. */
export function dropClient(client: PostgresClient): void {
  const { connection } = client as {
    readonly connection?: { readonly stream?: { destroy?(): void } };
  };
  Promise.resolve(client.end()).catch(() => {});
  connection?.stream?.destroy?.();
}
