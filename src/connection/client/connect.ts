/**
 * A client: from a URL to a connection.
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
  /** Subprotocols to offer, the one liked best first. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Headers of the request beside the handshake's own. Default: none. */
  readonly headers?: GivenHeaders | undefined;
  /**
   * Credentials for the server, sent unasked in an Authorization header, as Basic (RFC 7617): `{ user, password }`, or "url" for
   * those in the URL, such as wss://user:password@example.org/, percent-encoded. To another origin they are not sent on.
   * Default: none; a URL with credentials is then refused.
   */
  readonly auth?: "url" | Credentials | undefined;
  /** Value of the Host header. Default: the URL's host. */
  readonly host?: string | undefined;
  /** Value of the Origin header, for servers that ask for one. Default: none is sent. */
  readonly origin?: string | undefined;
  /** Options of the runtime's TLS, for wss. */
  readonly tls?: TlsOptions | undefined;
  /** Unix socket to connect to; the URL then tells host and path of the request alone. */
  readonly path?: string | undefined;
  /**
   * Redirects that are followed. To another origin go no headers of yours and no certificate, and never from wss to ws. With
   * `protocols`, which may be tokens, none is followed to another origin, but from ws to wss of the same host. Default: 0.
   */
  readonly redirects?: number | undefined;
  /** Milliseconds for the whole way: proxy, TLS, redirects, handshake; 0 or Infinity for no limit. Default: 30 000. */
  readonly timeout?: number | undefined;
  /** Gives up when it is aborted; has no say once the connection is open. */
  readonly signal?: Signal | undefined;
  /** What the response's head may cost. Default: 16 KiB and 128 headers. */
  readonly headLimits?: Partial<HeadLimits> | undefined;
  /** What the connection carries as `context`. */
  readonly context?: Context | undefined;
  /** Where time comes from. Default: the runtime. */
  readonly clock?: Clock | undefined;
}

/** Whatever is wrong is not repeated: it may be a password. */
const auth: Kind = {
  ...anything,
  look(value) {
    const { user, password } = Object(value) as Partial<Credentials>;
    if (value === "url" || (typeof user === "string" && typeof password === "string")) return;
    throw new TypeError('auth must be "url", or an object { user, password } of two strings');
  },
};

/** What the options of a client may be. */
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
 * @param connect The runtime's way to connect.
 * @param url With the scheme ws or wss; http and https stand for them.
 * @returns Resolves when the connection is open; `open` has been called by then.
 * @throws {TypeError} The URL, or an option, is wrong.
 * @throws {RangeError} An option is out of its range.
 * @throws {DialError} The response is not the right one: `status`, `headers` and `body` tell what it says.
 * @throws {TimeoutError} `DIAL_TIMEOUT`
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `PROXY_FAILED`, `UNEXPECTED_END`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 *
 * The stacks of a DialError, a TimeoutError and a TransportError end with the caller's lines.
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
    // Given up in the turn between the last step's end and this one: nobody would have the connection.
    if (attempt.aborted) void stream.close();
    attempt.check();
    const unhandled = new UnhandledErrorReporter(options.unhandledErrors, "client");
    const owner = { settings, deadlines, observer: host.observer, unhandled, inContext };
    return open(stream, step, owner, options.context as Context, handlers);
  } catch (error) {
    // Not the signal's reason, which is the caller's own and may be that of many attempts.
    if (error !== signal?.reason && isOfNetwork(error)) site.addTo(error);
    throw error;
  } finally {
    attempt.end();
  }
}

/** Whether an error was made far from the caller: when a socket, or a timer, called back. */
function isOfNetwork(error: unknown): error is Error {
  return (
    error instanceof TransportError || error instanceof DialError || error instanceof TimeoutError
  );
}

/** Makes the first request's step of a chain of redirects: its URL, and the options that may change along the way. */
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
  // They have been taken out; where nobody wants them, they are left in, and refused.
  const bare = auth === "url" ? text.replace(/^(wss?:\/\/)[^/?#\\]*@/i, "$1") : text;
  return { url: bare, headers: all, protocols, host, tls, path };
}

/** Makes a connection of a stream whose handshake is done. */
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
  // What the stream was told before there was a link to hear it.
  if (hasEnded) link.onEnd();
  if (isClosed) link.onClose(error);
  return link.connection;
}
