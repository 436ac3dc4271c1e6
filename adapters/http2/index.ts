/**
 * WebSockets over a session of `node:http2`, on the client's side (RFC 8441): on Node and Bun, and on Deno at your own risk.
 *
 * Servers do not need this entry: `serve({ server })` of each adapter takes a server of `node:http2`.
 *
 * @example
 * import { connect as connectHttp2 } from "node:http2";
 * import { connect } from "framewire/http2";
 *
 * const session = connectHttp2("https://example.org");
 * const ws = await connect("wss://example.org/feed", { session });
 *
 * @module framewire/http2
 */

import {
  boolean,
  checkKind,
  checkOptions,
  having,
  type Kind,
  type OptionTable,
} from "../../src/check-options.ts";
import { type ClientOptions, clientTable, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { type Handlers, handlerTable } from "../../src/connection/handlers.ts";
import { TransportError } from "../../src/errors.ts";
import type { Connect, ConnectOptions, Transport } from "../../src/transport.ts";
import { type PendingConnect, connecting } from "../connecting.ts";
import { runtimeServices } from "../runtime-services.ts";
import { type Http2Risk, refusalOfHttp2 } from "./risk.ts";
import { Http2ClientTransport, type Http2Requester } from "./transport.ts";

export type { Http2Headers } from "../../src/handshake/extended-connect.ts";
export type { Http2Risk } from "./risk.ts";
export type { Http2Requester, Http2Session, Http2Stream } from "./transport.ts";
export type { NodeTlsState } from "../node/transport.ts";

/** The members of a `ClientHttp2Session` of `node:http2` that are used. */
export interface Http2ClientSession extends Http2Requester {
  /** Whether it has not connected yet. */
  readonly connecting: boolean;
  /** Whether it takes no more streams. */
  readonly closed: boolean;
  /** The server's settings (RFC 8441, 3). */
  readonly remoteSettings: {
    /** Whether the server accepts an extended CONNECT; undefined until its settings have come. */
    readonly enableConnectProtocol?: boolean | undefined;
  };
  /** Whether the first exchange of settings is still under way. */
  readonly pendingSettingsAck: boolean;
  /** Adds a listener. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Node's own declaration
  on(event: string, listener: (...values: any[]) => void): unknown;
  /** Removes a listener. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Node's own declaration
  off(event: string, listener: (...values: any[]) => void): unknown;
}

/** Options that concern the making of a connection: a session is already connected. */
const ofTheSession = [
  "tls",
  "path",
  "proxy",
  "proxyTls",
  "redirects",
  "noDelay",
  "keepAlive",
] as const;

/** Options of a connection over a session. */
export interface Http2ClientOptions<Context = unknown>
  extends Omit<ClientOptions<Context>, (typeof ofTheSession)[number]>, Http2Risk {
  /** The session. It may still be connecting. It belongs to the caller, and stays open when the connection is closed. */
  readonly session: Http2ClientSession;
}

const sessionKind: Kind = having("a session of node:http2", "request", "on");
const riskTable: OptionTable<Http2Risk> = { http2MayCrash: boolean };

/** Options that concern the session are refused before this table is used, with a reason. */
const http2ClientTable = { ...clientTable, ...riskTable, session: sessionKind };
const example = "connect(url, { session }, { message: (ws, data) => console.log(data) })";

/**
 * Opens a connection to a WebSocket server over a session of HTTP/2; many connections may share one.
 *
 * @param url With the scheme ws or wss, or http or https, which mean the same: wss if the session uses TLS.
 * @returns Resolves when the connection is open; `open` has been called by then.
 * @throws {TypeError} The URL or an option is wrong, or the URL's scheme is not that of the session; or the
 * runtime is Deno, where HTTP/2 is off, and `http2MayCrash` is not set.
 * @throws {DialError} The response does not accept the handshake: `status`, `headers` and `body` tell what it says.
 * @throws {TimeoutError} `DIAL_TIMEOUT`
 * @throws {TransportError} `NO_EXTENDED_CONNECT`, `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `UNEXPECTED_END`, `RESET`, `FAILED`
 * @throws The signal's reason, if it is aborted.
 */
export async function connect<Context = unknown>(
  url: string | { readonly href: string },
  options: Http2ClientOptions<Context>,
  handlers?: Handlers<Context>,
): Promise<Connection<Context>> {
  const foreign = ofTheSession.find(
    (name) => (Object(options) as ClientOptions)[name] !== undefined,
  );
  if (foreign !== undefined) {
    throw new TypeError(`${foreign} has no use here: the session has its connection already`);
  }
  checkOptions(options, http2ClientTable, { elsewhere: handlerTable, example });
  checkKind("session", sessionKind, options.session);
  const { session, http2MayCrash, ...rest } = options;
  return connectOn(overHttp2(session, { http2MayCrash }), url, rest, handlers, runtimeServices());
}

/**
 * Gives a function that connects by opening a stream of a session, for example for a `Dialer`.
 *
 * The option `tls` only says that the URL's scheme is wss; the session has its own TLS.
 *
 * @param risk On Deno `http2MayCrash` must be set; otherwise each attempt fails with a TypeError.
 * @throws {TypeError} `session` is no session, or an option is unknown or has a wrong type.
 */
export function overHttp2(session: Http2ClientSession, risk: Http2Risk = {}): Connect {
  checkKind("session", sessionKind, session);
  checkOptions(risk, riskTable);
  return <Result>(options: ConnectOptions, attach: (transport: Transport) => Result) =>
    connecting(options, attach, (attempt) => {
      const error = refusalOfHttp2(risk) ?? misuse(options);
      if (error === undefined) return waitForSettings(session, options, attempt);
      attempt.reject(error);
      return () => {};
    });
}

function misuse({ path, tunnel, tunnelTls }: ConnectOptions): TypeError | undefined {
  return path === undefined && tunnel === undefined && tunnelTls === undefined
    ? undefined
    : new TypeError("A session has its way to the server already: no path, no tunnel");
}

/** Events after which an attempt may be able to go on. */
const events = ["connect", "remoteSettings", "localSettings", "close"];

/** The attempts that wait for one session's settings: they share one listener for each event. */
class QueuedRequest {
  readonly #session: Http2ClientSession;
  readonly #attempts = new Map<PendingConnect, ConnectOptions>();
  readonly #look = (): void => {
    for (const attempt of this.#attempts.keys()) this.#lookAt(attempt);
  };
  readonly #onError = (error: unknown): void => {
    for (const attempt of this.#attempts.keys()) {
      this.remove(attempt);
      attempt.fail(error);
    }
  };

  constructor(session: Http2ClientSession) {
    this.#session = session;
  }

  add(attempt: PendingConnect, options: ConnectOptions): void {
    if (this.#attempts.size === 0) {
      for (const event of events) this.#session.on(event, this.#look);
      this.#session.on("error", this.#onError);
    }
    this.#attempts.set(attempt, options);
    this.#lookAt(attempt);
  }

  remove(attempt: PendingConnect): void {
    if (!this.#attempts.delete(attempt) || this.#attempts.size > 0) return;
    for (const event of events) this.#session.off(event, this.#look);
    this.#session.off("error", this.#onError);
  }

  #lookAt(attempt: PendingConnect): void {
    const outcome = outcomeOf(this.#session, this.#attempts.get(attempt)!);
    if (outcome === "wait") return;
    this.remove(attempt);
    if (outcome === "ready") attempt.succeed(new Http2ClientTransport(this.#session));
    else attempt.reject(outcome);
  }
}

const waiting = new WeakMap<Http2ClientSession, QueuedRequest>();

/** Waits for the setting: "a client MUST NOT [use extended CONNECT] unless it has received" it (RFC 8441, 3). */
function waitForSettings(
  session: Http2ClientSession,
  options: ConnectOptions,
  attempt: PendingConnect,
): () => void {
  let attempts = waiting.get(session);
  if (attempts === undefined) waiting.set(session, (attempts = new QueuedRequest(session)));
  attempts.add(attempt, options);
  return () => {
    attempts.remove(attempt);
  };
}

/** Gives the state of an attempt. */
function outcomeOf(
  session: Http2ClientSession,
  { tls }: ConnectOptions,
): "wait" | "ready" | TypeError | TransportError {
  if (session.closed || session.destroyed) {
    return new TransportError("FAILED", { cause: new Error("HTTP/2 session is closed") });
  }
  if (session.connecting) return "wait";
  const isEncrypted = session.encrypted === true;
  if (isEncrypted !== (tls !== undefined)) {
    const [has, scheme] = isEncrypted ? ["is", "wss"] : ["is not", "ws"];
    return new TypeError(`The session ${has} over TLS: the URL's scheme must be ${scheme}`);
  }
  if (session.remoteSettings.enableConnectProtocol === true) return "ready";
  // The server's first settings come before its acknowledgement of this side's.
  return session.pendingSettingsAck ? "wait" : new TransportError("NO_EXTENDED_CONNECT");
}
