/**
 * The part of a client of NATS that a backplane needs. nats.js 2 (`nats`) and 3 (`@nats-io/transport-node`) both have it.
 *
 * @module
 */

/** A connection to NATS. */
export interface NatsConnection {
  /** What the NATS server has said about itself. */
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
  /** Resolves when the NATS server has handled all that was sent before. */
  flush(): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
  /** Resolves when the connection has ended, and the client does not open it again. */
  closed(): Promise<unknown>;
  /** Gives the events of the connection. */
  status(): AsyncIterable<NatsStatus>;
}

/** What a NATS server says about itself. */
export interface NatsServerInfo {
  /** The most bytes that a message may have. */
  readonly max_payload: number;
  /** Whether the server has JetStream. */
  readonly jetstream?: boolean | undefined;
}

/** A message that has come on a subject. */
export interface NatsMessage {
  /** The subject that it was sent to. */
  readonly subject: string;
  /** Its payload. */
  readonly data: Uint8Array;
  /** The subject for an answer. */
  readonly reply?: string | undefined;
  /** Its headers. */
  readonly headers?: NatsHeaders | undefined;
}

/** Headers of a message. */
export interface NatsHeaders {
  /** Gives the value of a header; "" if there is none. */
  get(name: string): string;
  /** Sets a header. */
  set(name: string, value: string): void;
}

/** A subscription. */
export interface NatsSubscription {
  /** Ends the subscription. */
  unsubscribe(): void;
}

/** An event of a connection. */
export interface NatsStatus {
  /** The kind of event, such as "disconnect", "reconnect" or "error". */
  readonly type: string;
}

/** Opens a connection: `connect` of either client, with that client's options. */
export type NatsConnect<Options> = (options: Options) => Promise<NatsConnection>;

/** An operation on a subject that NATS has refused: to publish, or to subscribe. */
export interface NatsRefusal {
  readonly operation: string;
  readonly subject: string;
}

/**
 * Gives the refusal that an event reports; undefined if it reports none. nats.js 2 has it in a field of the event, 3 in its
 * error.
 */
export function refusalIn(status: NatsStatus): NatsRefusal | undefined {
  const { permissionContext, error } = status as {
    readonly permissionContext?: NatsRefusal;
    readonly error?: Partial<NatsRefusal>;
  };
  if (permissionContext !== undefined) return permissionContext;
  const { operation, subject } = error ?? {};
  return operation === undefined || subject === undefined ? undefined : { operation, subject };
}

/** Tells whether NATS has refused the login. Trying again would not help. */
export function isHopeless(error: unknown): boolean {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  return code === "AUTHORIZATION_VIOLATION" || name === "AuthorizationError";
}
