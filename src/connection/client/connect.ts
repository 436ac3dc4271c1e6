/**
 * A client: makes a connection from a URL.
 *
 * @module
 */

import { checkMilliseconds } from "../../arguments.ts";
import { CallSite } from "../../call-site.ts";
import {
  anything,
  checkOptions,
  clock,
  type Kind,
  milliseconds,
  number,
  object,
  type OptionTable,
  signal as signalKind,
  text,
  texts,
} from "../../check-options.ts";
import { type Clock, deadlinesOn } from "../../clock.ts";
import { concat, copyOf, noBytes } from "../../bytes.ts";
import { DialError, type HeaderPairs, TimeoutError, TransportError } from "../../errors.ts";
import { Attempt } from "../../handshake/attempt.ts";
import { basicCredentials, type Credentials, credentialsOf } from "../../handshake/basic.ts";
import { Dialer } from "../../handshake/client/dialer.ts";
import { newUrl, textOfUrl } from "../../handshake/client/url.ts";
import type { UpgradedStream } from "../../handshake/upgraded-stream.ts";
import { type GivenHeaders, headersKind, toHeaderPairs } from "../../http/headers.ts";
import { headLimitsKind, type HeadLimits } from "../../http/parser.ts";
import { writeOptions } from "../../http/option.ts";
import { connectStreamOn, type StreamConnectOptions } from "../../io/connect-stream.ts";
import { tcpTable } from "../../io/stream-listener.ts";
import type { TransportStream } from "../../io/transport-stream.ts";
import type { Connect, Signal, TcpOptions, TlsOptions } from "../../transport.ts";
import type { Connection } from "../connection.ts";
import { type Handlers, handlerTable } from "../handlers.ts";
import { callAtOnce } from "../in-context.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import { Link, type LinkOwner } from "../link.ts";
import { UnhandledErrorReporter } from "../unhandled-errors.ts";
import {
  type ConnectionOptions,
  connectionTable,
  resolveClientExtensions,
  resolveConnectionOptions,
} from "../options.ts";
import { follow, type RedirectStep } from "./redirect.ts";
import { type ProxyOptions, proxyRouteTo } from "./proxy-route.ts";

/** Options of a client's connection. */
export interface ClientOptions<Context = unknown>
  extends ConnectionOptions, ProxyOptions, TcpOptions {
  /** Subprotocols to offer, the preferred one first. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Headers of the request, in addition to those of the handshake. Default: none. */
  readonly headers?: GivenHeaders | undefined;
  /**
   * Credentials for the server, sent without being asked for, in an Authorization header as Basic (RFC 7617): `{ user, password
   * }`; or "url" for those in the URL, percent-encoded, such as wss://user:password@example.org/. A redirect to another origin
   * does not get them. Default: none, and a URL with credentials is a TypeError.
   */
  readonly auth?: "url" | Credentials | undefined;
  /** Value of the Host header. Default: the URL's host. */
  readonly host?: string | undefined;
  /** Value of the Origin header, for servers that check it. Default: no such header. */
  readonly origin?: string | undefined;
  /** Options for the runtime's TLS, with wss. Default: none. */
  readonly tls?: TlsOptions | undefined;
  /** Path of a Unix socket to which to connect. Then the URL gives only the host and the path of the request. Default: none. */
  readonly path?: string | undefined;
  /**
   * Number of redirects to follow. A redirect to another origin gets neither your headers nor your certificate. A redirect from
   * wss to ws is not followed. With `protocols`, which may contain tokens, no redirect to another origin is followed, except from
   * ws to wss on the same host. Default: 0.
   */
  readonly redirects?: number | undefined;
  /**
   * Milliseconds until the connection is open, including proxy, TLS, redirects and handshake. 0 or Infinity: no limit. Default:
   * 30 000.
   */
  readonly timeout?: number | undefined;
  /** Gives up when this signal aborts. Has no effect after the connection has opened. */
  readonly signal?: Signal | undefined;
  /** Limits of the response's head. Default: 16 KiB and 128 headers. */
  readonly headLimits?: Partial<HeadLimits> | undefined;
  /** The `context` of the connection. */
  readonly context?: Context | undefined;
  /** The source of time. Default: the runtime. */
  readonly clock?: Clock | undefined;
}

/** The message does not contain the wrong value, because it may be a password. */
const auth: Kind = {
  ...anything,
  look(value) {
    const { user, password } = Object(value) as Partial<Credentials>;
    if (value === "url" || (typeof user === "string" && typeof password === "string")) return;
    throw new TypeError('auth must be "url", or an object { user, password } of two strings');
  },
};

export const clientTable: OptionTable<ClientOptions> =
  /* @__PURE__ */ ((): OptionTable<ClientOptions> => ({
    ...tcpTable,
    ...connectionTable,
    protocols: texts,
    headers: headersKind,
    auth,
    host: text,
    origin: text,
    tls: object("an object such as { ca }"),
    path: text,
    proxy: text,
    proxyTls: object("an object such as { ca }"),
    redirects: number,
    timeout: milliseconds,
    signal: signalKind,
    headLimits: headLimitsKind,
    context: anything,
    clock,
  }))();

const defaultTimeout = 30_000;

const example =
  'connect(url, { protocols: ["chat"] }, { message: (ws, data) => console.log(data) })';

/**
 * Opens a connection to a server. Adapters wrap it as their own `connect`.
 *
 * @param connect The runtime's function that opens a socket.
 * @param url With the scheme ws or wss; http and https mean the same.
 * @returns Resolves when the connection is open; `open` has already been called.
 * @throws {TypeError} The URL or an option is wrong.
 * @throws {RangeError} An option is out of its range.
 * @throws {DialError} The server refused, or its response is wrong: see its `status`, `headers` and `body`.
 * @throws {TimeoutError} `DIAL_TIMEOUT`
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `PROXY_FAILED`, `UNEXPECTED_END`, `RESET`, `FAILED`
 * @throws The signal's reason, if the signal aborts.
 *
 * The stack of a DialError, TimeoutError or TransportError ends with the caller's lines.
 */
export async function connectOn<Context = unknown>(
  connect: Connect,
  url: string | { readonly href: string },
  options: ClientOptions<Context> = {},
  handlers: Handlers<Context> = {},
  host: RuntimeServices = {},
): Promise<Connection<Context>> {
  const site = new CallSite();
  checkOptions(options, clientTable, { elsewhere: handlerTable, example });
  checkOptions(handlers, handlerTable, { what: "handler", elsewhere: clientTable, example });
  const { timeout = defaultTimeout, redirects = 0, signal, noDelay, keepAlive } = options;
  checkMilliseconds("timeout", timeout);
  const deadlines = deadlinesOn(options.clock);
  const settings = resolveConnectionOptions(options, host);
  const inContext = host.bindContext?.() ?? callAtOnce;
  const extensions = resolveClientExtensions(options, host.engine, deadlines);
  const attempt = new Attempt({ timeout, code: "DIAL_TIMEOUT", signal, deadlines });
  try {
    const dial = (step: RedirectStep): Promise<UpgradedStream> => {
      const dialer = new Dialer({
        connect: (to) => {
          const there: StreamConnectOptions = {
            ...to,
            path: step.path,
            noDelay,
            keepAlive,
            deadlines,
          };
          return connectStreamOn(proxyRouteTo(there, connect, options, host), there);
        },
        protocols: step.protocols,
        extensions,
        header: step.headers,
        host: step.host,
        tlsOptions: step.tls,
        headLimits: options.headLimits,
        timeout: Infinity,
        deadlines,
      });
      return dialer.dial(step.url, { signal: attempt });
    };
    const { stream, step } = await follow(dial, initialRedirectStep(url, options), redirects);
    // The attempt was aborted after the handshake had ended. No caller gets this stream, so it is closed here.
    if (attempt.aborted) void stream.close();
    attempt.check();
    const unhandled = new UnhandledErrorReporter(options.unhandledErrors, "client");
    const owner = { settings, deadlines, observer: host.observer, unhandled, inContext };
    return open(stream, step, owner, options.context as Context, handlers);
  } catch (error) {
    // The signal's reason stays unchanged: it belongs to the caller, and may be the reason of many attempts.
    if (error !== signal?.reason && isOfNetwork(error)) site.addTo(error);
    throw error;
  } finally {
    attempt.end();
  }
}

/** Tells whether an error comes from a callback of a socket or a timer, so that its stack does not show the caller. */
function isOfNetwork(error: unknown): error is Error {
  return (
    error instanceof TransportError || error instanceof DialError || error instanceof TimeoutError
  );
}

/** Makes the first step of a chain of redirects: the URL, and the options that a redirect may change. */
function initialRedirectStep(
  url: string | { readonly href: string },
  { headers: given = [], protocols = [], origin, auth, host, tls, path }: ClientOptions,
): RedirectStep {
  const text = textOfUrl(url).replace(/^http(s?):/i, "ws$1:");
  const credentials = auth === "url" ? credentialsOf(newUrl(text), "a server's") : auth;
  const headers = toHeaderPairs(given);
  const all: HeaderPairs[number][] =
    origin === undefined ? [...headers] : [["Origin", origin], ...headers];
  if (credentials !== undefined) {
    if (headers.some(([name]) => name.toLowerCase() === "authorization")) {
      throw new TypeError("Either auth or an Authorization header: both are given");
    }
    all.push(["Authorization", basicCredentials(credentials)]);
  }
  // With "url" the credentials are already taken out of the URL. Without it they stay in the URL, which is then refused.
  const bare = auth === "url" ? text.replace(/^(wss?:\/\/)[^/?#\\]*@/i, "$1") : text;
  return { url: bare, headers: all, protocols, host, tls, path };
}

/** Makes a connection from a stream whose handshake is complete. */
function open<Context>(
  stream: UpgradedStream,
  { url }: RedirectStep,
  owner: Pick<LinkOwner, "settings" | "deadlines" | "observer" | "unhandled" | "inContext">,
  context: Context,
  handlers: Handlers<Context>,
): Connection<Context> {
  const behindHead = copyOf(stream.bytes, stream.start, stream.end);
  const { transport, unread, hasEnded, isClosed, error } = (
    stream.inner as TransportStream
  ).release();
  const { pathname, search } = new URL(url);
  const whole: LinkOwner = {
    ...owner,
    topics: undefined,
    response: stream.response,
    opened() {},
    ended() {},
  };
  const link = new Link<Context>(whole, {
    side: "client",
    transport,
    handlers,
    info: {
      protocol: stream.protocol,
      extensions: writeOptions(stream.extensions),
      target: pathname + search,
      context,
      remoteAddress: transport.remoteAddress,
      remotePort: transport.remotePort,
    },
    sessions: stream.sessions,
  });
  link.start(noBytes, concat([behindHead, unread]));
  // Repeats the event that the stream got before the link existed.
  if (hasEnded) link.onEnd();
  if (isClosed) link.onClose(error);
  return link.connection;
}
