/**
 * The members of a Link that its Connection uses. The Connection is the application's object, the Link runs it. Types only.
 *
 * @module
 */

import type { Endpoint } from "../endpoint/endpoint.ts";
import type { ClosedError, Closure } from "../errors.ts";
import type { HandshakeResponse } from "../handshake/client/handshake-response.ts";
import type { StatusCode } from "../status.ts";
import type { RuntimeSignal, TransportFacts } from "../transport.ts";
import type { Pulling } from "./receive/pulling.ts";
import type { Outbox } from "./send/outbox.ts";
import type { Topics } from "./server/topics.ts";
import type { Subscriber } from "./server/delivery.ts";
import type { ErrorThrower } from "./error-source.ts";

/** The state of a connection. Messages are sent and delivered while it is "open". */
export type ConnectionState = "open" | "closing" | "closed";

/** The part of a Link that its Connection uses. */
export interface ConnectionLink extends Subscriber {
  readonly state: ConnectionState;
  /** Facts about the transport. */
  readonly facts: TransportFacts;
  /** Counts what was sent and received. */
  readonly endpoint: Endpoint;
  readonly outbox: Outbox;
  /** Gives messages to `receive` and to loops. */
  readonly pulling: Pulling;
  /** The topics of the server. @throws {TypeError} The connection belongs to a client. */
  readonly topics: Topics<ConnectionLink>;
  /** Milliseconds between the last keepalive ping and its pong. */
  readonly roundTripTime: number | undefined;
  /** The server's response to a client's handshake; undefined on a server. */
  readonly response: HandshakeResponse | undefined;
  readonly closed: Promise<Closure>;
  /** Aborts when the connection is no longer open. */
  readonly signal: RuntimeSignal;
  /** Gives the error with which a send rejects now; undefined if the connection is open. */
  refusal(): ClosedError | undefined;
  /** A ping was sent. */
  pinged(): void;
  /** Gathers what is sent from now on until {@link release}, so that it leaves in one write. */
  gather(): void;
  /** Lets the gathered messages leave soon, together with what else is sent in the current task. */
  release(): void;
  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void;
  /** Gives the sent bytes to the transport, as many as it takes at once. */
  flush(): void;
  /** Drops the connection. Received messages that are not yet delivered are lost. */
  terminate(error?: unknown): void;
  /** The application's code has caused a rejection that nobody handled. */
  onUnseen(error: unknown, thrower: ErrorThrower): void;
  /** Sets whether the connection keeps the process alive. */
  hold(holds: boolean): void;
  /** Fails the connection with 1011, because a message that was begun cannot be completed. */
  fail(error: unknown): void;
}
