/**
 * What a backplane needs of a client of NATS: nats.js 2 (`nats`) and 3 (`@nats-io/transport-node`) both have it.
 *
 * @module
 */

/** A connection to NATS. */
export interface NatsConnection {
  /** What the server has said of itself. */
  readonly info?: NatsServerInfo | undefined;
  /** Sends a message. */
  publish(subject: string, payload: Uint8Array, options?: { reply?: string }): void;
  /** Sends a message, and resolves with the answer. */
  request(
    subject: string,
    payload: Uint8Array,
    options: { timeout: number; headers?: NatsHeaders },
  ): Promise<NatsMessage>;
  /** Asks for the messages of a subject. */
  subscribe(
    subject: string,
    options: { callback(error: Error | null, message: NatsMessage): void },
  ): NatsSubscription;
  /** Resolves when the server has dealt with all that was sent before. */
  flush(): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
  /** Resolves when the connection has ended for good. */
  closed(): Promise<unknown>;
  /** Tells what becomes of the connection. */
  status(): AsyncIterable<NatsStatus>;
}

/** What a server says of itself. */
export interface NatsServerInfo {
  /** Bytes that a message may have. */
  readonly max_payload: number;
  /** Whether it has JetStream. */
  readonly jetstream?: boolean | undefined;
}

/** What comes of a subject. */
export interface NatsMessage {
  /** What it was sent to. */
  readonly subject: string;
  /** Its payload. */
  readonly data: Uint8Array;
  /** Where an answer goes. */
  readonly reply?: string | undefined;
  /** What is in front of it. */
  readonly headers?: NatsHeaders | undefined;
}

/** Headers of a message. */
export interface NatsHeaders {
  /** Gives one; "" where there is none. */
  get(name: string): string;
  /** Sets one. */
  set(name: string, value: string): void;
}

/** A subscription. */
export interface NatsSubscription {
  /** Ends it. */
  unsubscribe(): void;
}

/** What a connection tells. */
export interface NatsStatus {
  /** Such as "disconnect", "reconnect", "error". */
  readonly type: string;
}

/** Opens a connection: `connect` of either client, with its own options. */
export type NatsConnect<Options> = (options: Options) => Promise<NatsConnection>;

/** What the server allows nobody: to publish, or to subscribe. */
export interface NatsRefusal {
  readonly operation: string;
  readonly subject: string;
}

/** Gives what a status says that the server has refused: 2 tells it in a field of the status, 3 in its error. */
export function refusalIn(status: NatsStatus): NatsRefusal | undefined {
  const { permissionContext, error } = status as {
    readonly permissionContext?: NatsRefusal;
    readonly error?: Partial<NatsRefusal>;
  };
  if (permissionContext !== undefined) return permissionContext;
  const { operation, subject } = error ?? {};
  return operation === undefined || subject === undefined ? undefined : { operation, subject };
}

/** Tells whether the server would not let a client in: to try again would not mend that. */
export function isHopeless(error: unknown): boolean {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  return code === "AUTHORIZATION_VIOLATION" || name === "AuthorizationError";
}
