/**
 * What a Connection, which is the application's, may ask of the Link that runs it. Types only.
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

/** Where a connection stands: messages are delivered and sent while it is "open". */
export type ConnectionState = "open" | "closing" | "closed";

/** A Link, as its Connection sees it. */
export interface ConnectionLink extends Subscriber {
  readonly state: ConnectionState;
  /** What is known of its transport. */
  readonly facts: TransportFacts;
  /** Counts what came and went. */
  readonly endpoint: Endpoint;
  readonly outbox: Outbox;
  /** Who asks for messages. */
  readonly pulling: Pulling;
  /** The topics of its server. @throws {TypeError} It is a client's. */
  readonly topics: Topics<ConnectionLink>;
  /** Milliseconds that the last answered ping took. */
  readonly roundTripTime: number | undefined;
  /** What the server answered; a server has none. */
  readonly response: HandshakeResponse | undefined;
  readonly closed: Promise<Closure>;
  /** Aborts when the connection is no longer open. */
  readonly signal: RuntimeSignal;
  /** Gives the error that a send rejects with now; undefined where the connection is open. */
  refusal(): ClosedError | undefined;
  /** A ping was sent. */
  pinged(): void;
  /** Keeps what is sent from now on until {@link release}, so that it leaves in one write. */
  gather(): void;
  /** What was gathered leaves soon, with what else is sent in the present task. */
  release(): void;
  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void;
  /** Gives what was sent to the transport, as far as it takes it at once. */
  flush(): void;
  /** Drops the connection; what has come and is not delivered yet never will be. */
  terminate(error?: unknown): void;
  /** The application's code has thrown what nobody looks at. */
  onUnseen(error: unknown, thrower: ErrorThrower): void;
  /** Says whether the process lives on for the connection. */
  hold(holds: boolean): void;
  /** Fails the connection with 1011: what was begun to be sent cannot be completed. */
  fail(error: unknown): void;
}
