/**
 * The handlers and hooks that an application writes, and the options of a route.
 *
 * @module
 */

import {
  anything,
  callback,
  checkOptions,
  type Kind,
  number,
  object,
  optionsOf,
  type OptionTable,
  texts,
} from "../check-options.ts";
import type { GivenHeaders } from "../http/headers.ts";
import { isToken } from "../http/token.ts";
import { type ConnectionOptions, pathTable } from "./options.ts";
import type { Closure, HandshakeError } from "../errors.ts";
import { type OriginPolicy, originsKind } from "../handshake/server/origin.ts";
import type { Peer } from "../handshake/server/peer.ts";
import type { HttpReply } from "../handshake/server/response.ts";
import type { UpgradeRequest } from "../handshake/server/upgrade-request.ts";
import type { Awaitable } from "../io/byte-stream.ts";
import type { BackplaneEvent } from "./backplane/status.ts";
import type { Connection } from "./connection.ts";
import type { Data } from "./data.ts";
import type { HttpHandler, HttpMethods } from "./http/answer.ts";
import type { FetchHandler } from "./http/fetch.ts";
import type { IncomingMessage } from "./receive/incoming.ts";
import { type SlowReceiver, slowReceiversKind } from "./server/delivery.ts";
import type { RouteParams } from "./server/routes.ts";

/**
 * Options of the connections to one path. An option that is absent has the value of the server's options.
 *
 * Compression uses the memory budget of the server (`maxMemory`). If a path gives an object of compression options, that object
 * has a budget of its own.
 */
export interface RouteOptions extends Omit<ConnectionOptions, "unhandledErrors"> {
  /**
   * Subprotocols that this path supports. framewire chooses the first one that the client offers and this list contains; if there
   * is none, the connection has no subprotocol. The `protocol` that `upgrade` returns overrides this. Default: none.
   */
  readonly protocols?: readonly string[] | undefined;
  /**
   * The origins whose pages may connect to this path, as in the server's option. It is checked before `upgrade`, which can only
   * refuse more.
   */
  readonly origins?: OriginPolicy | undefined;
  /** Most topics to which one connection may subscribe, as in the server's option. */
  readonly maxTopics?: number | undefined;
  /** What happens to a connection that is too slow for what is sent to many, as in the server's option. */
  readonly slowReceivers?: SlowReceiver | undefined;
}

/** What the `upgrade` hook may return to accept a connection. */
export interface Upgrade<Context> {
  /**
   * The chosen subprotocol, one of those the client offers. Default: the first one offered that the option `protocols` contains.
   */
  readonly protocol?: string | undefined;
  /** Headers to add to the response, such as cookies. */
  readonly headers?: GivenHeaders;
  /** What you know about the peer. The connection has it as `context`. */
  readonly context?: Context;
  /**
   * Options of this connection alone, such as a larger `maxMessageSize`. framewire resolves each object once, so return one of a
   * few constant objects instead of a new one each time. `compression` may be true or false here, but not an object. `origins` is
   * a TypeError, since it was already checked.
   */
  readonly options?: Omit<RouteOptions, "origins"> | undefined;
}

/** What the `upgrade` hook may return to refuse a connection: the HTTP response, as {@link HttpReply}. */
export interface Refusal extends HttpReply {
  readonly status: number;
}

/**
 * Handlers of the connections of one server or client. All are optional. Without `message` and `stream`, messages wait until you
 * ask for them: `for await (const message of ws)`, `ws.receive()`.
 *
 * If a handler returns a promise, the connection's next message waits until the promise settles. Meanwhile framewire reads on:
 * messages wait, up to `receiveHighWaterMark`; pings are answered; and when the peer closes or is gone, `ws.signal` aborts at
 * once. If a handler throws or rejects, its connection fails with 1011, and the `error` handler gets the error. Without an
 * `error` handler, the option `unhandledErrors` says what happens. An error never ends the process.
 */
export interface Handlers<Context = unknown> {
  /** The connection is open. */
  open?(ws: Connection<Context>): unknown;
  /**
   * A message has come.
   *
   * @param data Yours to keep. Its ArrayBuffer may be larger, and messages below 8 KiB that arrived together may share one. So
   * use `data` and not `data.buffer`; to transfer the buffer of a small message, take `data.slice()`. With the option `borrow`
   * the bytes are valid until the handler returns.
   * @param isText Whether the message is text. With the option `textAs: "bytes"` only this argument tells.
   */
  message?(ws: Connection<Context>, data: Data, isText: boolean): unknown;
  /**
   * A message has begun. If this handler exists, it is called instead of `message`, with the message as a stream. When the
   * handler has returned, or its promise has settled, the unread rest is dropped.
   */
  stream?(ws: Connection<Context>, message: IncomingMessage): unknown;
  /** A ping has come. framewire has already answered it, unless `autoPong` is false. @param payload Yours, at most 125 bytes. */
  ping?(ws: Connection<Context>, payload: Uint8Array): unknown;
  /** A pong has come. @param payload Yours, at most 125 bytes. */
  pong?(ws: Connection<Context>, payload: Uint8Array): unknown;
  /** The unsent bytes were above `highWaterMark`, and have now come down to it. */
  drain?(ws: Connection<Context>): unknown;
  /** Something went wrong. It is called at most once, before `close`, with the error that `closed` also reports. */
  error?(ws: Connection<Context>, error: unknown): unknown;
  /**
   * The connection is over. This is the last call, exactly once for each `open`. Messages that came before the end are delivered
   * first. A handler that is still at work delays this call only if messages wait behind it. The promise `closed` does not wait
   * for this handler.
   */
  close?(ws: Connection<Context>, closure: Closure): unknown;
}

/** Handlers of connections, and the hooks that run before a connection opens. */
export interface HookHandlers<
  Context = unknown,
  Params extends object = Readonly<Record<string, string>>,
> extends Handlers<Context> {
  /**
   * Decides about a handshake before it is answered. Default: every client is accepted, without a subprotocol.
   *
   * To refuse, return a status with headers and a body, or throw {@link rejectConnection}. Any other error is answered with 500,
   * without its message.
   *
   * @param request Yours to keep.
   */
  upgrade?(
    request: UpgradeRequest<Params>,
  ): Awaitable<Upgrade<Context> | Refusal | undefined | void>;
  /**
   * Answers plain HTTP requests, which ask for no upgrade, such as health checks. A function answers GET; framewire makes the
   * answers to HEAD and OPTIONS from it. An object has one function for each method, such as `{ GET: list, POST: add }`. Other
   * methods are answered with 405. Default: 426.
   */
  readonly http?: HttpHandler | HttpMethods | undefined;
}

/** Handlers of the connections to one path of a server. */
export interface RouteHandlers<
  Context = unknown,
  Params extends object = Readonly<Record<string, string>>,
> extends HookHandlers<Context, Params> {
  /**
   * Options of the connections to this path. Default: those of the server. Options that apply before the path is known, such as
   * `handshakeTimeout` and the limits of heads, belong to the server alone: TypeError.
   */
  readonly options?: RouteOptions | undefined;
}

/**
 * Contexts of a server's routes, by pattern. `serve` infers them. If you give `serve` a type for `Context`, each context may be
 * anything.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- each route has a context of its own
export type RouteContexts = Record<string, any>;

/** Handlers by path. Each has the type of its own context, and the parameters of its pattern. */
export type RoutesOf<Contexts extends object> = {
  readonly [Pattern in keyof Contexts]: RouteHandlers<Contexts[Pattern], RouteParams<Pattern>>;
};

/** Handlers of a server. */
export interface ServerHandlers<
  Context = unknown,
  Contexts extends object = RouteContexts,
> extends HookHandlers<Context> {
  /**
   * Handlers by path: "/chat", "/rooms/:room", "/files/*". The hooks get the values of a pattern's parameters in
   * `request.params`. With routes, the handlers beside `routes` are not used. A path that matches no route is answered with 404;
   * the `http` hook beside `routes` answers plain requests to such a path.
   *
   * The type of a route's context is what its `upgrade` returns. TypeScript infers it if `upgrade` is an arrow function whose
   * parameter has a type, or that has no parameter. For all others use {@link route}.
   */
  readonly routes?: RoutesOf<Contexts> | undefined;
  /**
   * An application that answers the plain requests for which there is no `http` hook, such as `app.fetch` of Hono, h3 or Elysia.
   * The same port serves the application and the WebSockets. Its answer has no time limit. If it throws, the answer is 500,
   * without the error's message.
   *
   * @example
   * serve({ port: 8080 }, { fetch: app.fetch, message: (ws, data) => ws.send(data) })
   */
  readonly fetch?: FetchHandler | undefined;
  /**
   * A handshake failed or was refused; for logs. If a hook has failed, `error.cause` is the hook's error.
   *
   * @param remoteAddress Address of the socket's other end, which may be a proxy.
   * @param peer The client behind trusted proxies, if there are proxies and the client was already known.
   */
  refused?(error: HandshakeError, remoteAddress: string | undefined, peer?: Peer): unknown;
  /**
   * The backplane has changed its state: it is down or up again, messages may be missing, or something is wrong. Here you can
   * tell clients to ask for messages that they may have missed. The option `unhandledErrors` says what happens to an error that
   * this handler throws.
   */
  backplane?(event: BackplaneEvent): unknown;
}

/**
 * Returns its argument, with types: each route gets the type of its own context, in whatever form its `upgrade` is written.
 *
 * @example
 * serve({ port: 8080 }, {
 *   routes: {
 *     "/chat": route({
 *       upgrade: (request) => ({ context: { user: userOf(request) } }),
 *       message: (ws, data) => console.log(ws.context.user, data),
 *     }),
 *   },
 * });
 */
export function route<Context, Params extends object = Readonly<Record<string, string>>>(
  handlers: RouteHandlers<Context, Params>,
): RouteHandlers<Context, Params> {
  return handlers;
}

/** Subprotocols. Each must be a token, since a client can offer nothing else. */
export const tokens: Kind = {
  expected: "a list of tokens",
  is: (value) => texts.is(value) && (value as readonly string[]).every((text) => isToken(text)),
  instead: texts.instead,
};

export const handlerTable: OptionTable<Handlers> = {
  open: callback,
  message: callback,
  stream: callback,
  ping: callback,
  pong: callback,
  drain: callback,
  error: callback,
  close: callback,
};

/** A hook for plain requests, or one for each method. Methods are case-sensitive: no client would send "get". */
const httpKind: Kind = /* @__PURE__ */ ((): Kind => ({
  expected: "a function, or an object of functions such as { GET: list, POST: add }",
  is: (value) =>
    callback.is(value) ||
    (object("").is(value) &&
      Object.entries(value as object).every(
        ([method, handler]) => /^[A-Z][A-Z-]*$/.test(method) && callback.is(handler),
      )),
}))();

/** The kinds of a route's options. */
export const routeOptionsTable: OptionTable<RouteOptions> =
  /* @__PURE__ */ ((): OptionTable<RouteOptions> => ({
    ...pathTable,
    protocols: tokens,
    origins: originsKind,
    maxTopics: number,
    slowReceivers: slowReceiversKind,
    ...ofTheServer(["handshakeTimeout", "maxHeadSize", "maxTargetSize", "maxHeaders"]),
  }))();

/** Options that apply before the path is known: a route that has one is told that only the server may have it. */
function ofTheServer(names: readonly string[]): Readonly<Record<string, Kind>> {
  const refused: Kind = {
    ...anything,
    look(_, name) {
      throw new TypeError(`${name} counts before the path is known: it is an option of the server`);
    },
  };
  return Object.fromEntries(names.map((name) => [name, refused]));
}

const hookTable: OptionTable<Pick<RouteHandlers, "upgrade" | "http">> = {
  upgrade: callback,
  http: httpKind,
};

const routeTable: OptionTable<RouteHandlers> = /* @__PURE__ */ ((): OptionTable<RouteHandlers> => ({
  ...handlerTable,
  ...hookTable,
  options: optionsOf(routeOptionsTable),
}))();

/** The kinds of a server's handlers, and of those of its routes. */
export const serverHandlerTable: OptionTable<ServerHandlers> =
  /* @__PURE__ */ ((): OptionTable<ServerHandlers> => ({
    ...handlerTable,
    ...hookTable,
    routes: {
      ...object('an object such as { "/chat": handlers }'),
      look(value: unknown, name: string) {
        for (const [pattern, handlers] of Object.entries(value as object)) {
          const path = `${name}[${JSON.stringify(pattern)}].`;
          checkOptions(handlers, routeTable, { what: "handler", path });
        }
      },
    },
    fetch: callback,
    refused: callback,
    backplane: callback,
  }))();
