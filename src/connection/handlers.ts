/**
 * What an application writes to handle connections.
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
 * Options of the connections to one path; what is not given is as the server's options have it.
 *
 * Compression shares the memory of the server's own (`maxMemory`), unless a path gives an object of options: that has a budget of
 * its own.
 */
export interface RouteOptions extends Omit<ConnectionOptions, "unhandledErrors"> {
  /**
   * Subprotocols that are known here: of those that a client offers, the first one that is known is chosen. Where none is, the
   * connection has no subprotocol. What `upgrade` returns as `protocol` goes first. Default: none.
   */
  readonly protocols?: readonly string[] | undefined;
  /**
   * Whose pages may connect here, as the server's option; it is asked before `upgrade`, which can only refuse more.
   */
  readonly origins?: OriginPolicy | undefined;
  /** Topics that one connection may subscribe to, as the server's option. */
  readonly maxTopics?: number | undefined;
  /** What becomes of a connection that does not keep up with what is sent to many, as the server's option. */
  readonly slowReceivers?: SlowReceiver | undefined;
}

/** What the `upgrade` hook may say of a connection that it lets in. */
export interface Upgrade<Context> {
  /** The subprotocol chosen, one of those offered. Default: the first one offered that the option `protocols` has. */
  readonly protocol?: string | undefined;
  /** Headers to add to the response, such as cookies. */
  readonly headers?: GivenHeaders;
  /** What was learned of the peer; the connection carries it as `context`. */
  readonly context?: Context;
  /**
   * Options of this connection alone, such as a larger `maxMessageSize`. They are resolved once for each object: give one of a few
   * that stay as they are, rather than a new one each time. `compression` may be true or false here, and no object. `origins` have
   * been asked by now, and are a TypeError.
   */
  readonly options?: Omit<RouteOptions, "origins"> | undefined;
}

/** What the `upgrade` hook returns to refuse a connection: the response, as {@link HttpReply} has it. */
export interface Refusal extends HttpReply {
  readonly status: number;
}

/**
 * Handlers of one server's or client's connections. All are optional. Without `message` and `stream`, messages wait until
 * they are asked for: `for await (const message of ws)`, `ws.receive()`.
 *
 * A handler that returns a promise is awaited before the next message of that connection is delivered. The connection is
 * read on meanwhile: messages wait, up to `receiveHighWaterMark`, pings are answered, and when the peer closes or is gone
 * `ws.signal` aborts at once. A handler that throws or rejects fails its connection with 1011 and is reported to `error`, or,
 * where that is absent, as the option `unhandledErrors` says; it never takes the process down.
 */
export interface Handlers<Context = unknown> {
  /** The connection is open. */
  open?(ws: Connection<Context>): unknown;
  /**
   * A message has come.
   *
   * @param data Yours to keep. Its ArrayBuffer may be larger, and messages below 8 KiB that came together may share one: take
   * `data` and not `data.buffer`, or `data.slice()` where a small one's buffer is to be transferred. With the option `borrow`
   * bytes are valid until the handler returns.
   * @param isText Whether it is text: with the option `textAs: "bytes"` nothing else tells.
   */
  message?(ws: Connection<Context>, data: Data, isText: boolean): unknown;
  /**
   * A message has begun: called in place of `message`, where it is there, with the message as a stream. What the handler
   * has not read when it returns, or its promise settles, is dropped.
   */
  stream?(ws: Connection<Context>, message: IncomingMessage): unknown;
  /** A ping has come; it is answered already, unless `autoPong` is false. @param payload Yours, at most 125 bytes. */
  ping?(ws: Connection<Context>, payload: Uint8Array): unknown;
  /** A pong has come. @param payload Yours, at most 125 bytes. */
  pong?(ws: Connection<Context>, payload: Uint8Array): unknown;
  /** The unsent bytes have come down to `highWaterMark`, after they were above it. */
  drain?(ws: Connection<Context>): unknown;
  /** Something went wrong: called once at the most, before `close`, with the error that `closed` reports too. */
  error?(ws: Connection<Context>, error: unknown): unknown;
  /**
   * The connection is over: the last call, always, exactly once for each `open`. What came before the end is delivered first,
   * and a handler that is at work holds it up only where something waits behind it. `closed` does not wait for it.
   */
  close?(ws: Connection<Context>, closure: Closure): unknown;
}

/** Handlers of connections, and the hooks that are asked before there is one. */
export interface HookHandlers<
  Context = unknown,
  Params extends object = Readonly<Record<string, string>>,
> extends Handlers<Context> {
  /**
   * Decides about a handshake, before it is answered. Default: everybody is let in, without a subprotocol.
   *
   * To refuse, return a status with headers and a body, or throw {@link rejectConnection}; what else is thrown answers
   * 500, without its text.
   *
   * @param request Yours to keep.
   */
  upgrade?(
    request: UpgradeRequest<Params>,
  ): Awaitable<Upgrade<Context> | Refusal | undefined | void>;
  /**
   * Answers plain requests, which ask for no upgrade, such as health checks: a function answers GET, and HEAD and OPTIONS by what
   * it says to them; an object has a function for each method, such as `{ GET: list, POST: add }`. Other methods are answered
   * 405. Default: 426.
   */
  readonly http?: HttpHandler | HttpMethods | undefined;
}

/** Handlers of the connections to one path of a server. */
export interface RouteHandlers<
  Context = unknown,
  Params extends object = Readonly<Record<string, string>>,
> extends HookHandlers<Context, Params> {
  /**
   * Options of the connections to this path. Default: those of the server. What counts before a path is known is the server's alone,
   * such as `handshakeTimeout` and the limits of heads: TypeError.
   */
  readonly options?: RouteOptions | undefined;
}

/**
 * Contexts of a server's routes, by pattern. `serve` infers them; where it is given a type for `Context`, each may be anything.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each route has a context of its own
export type RouteContexts = Record<string, any>;

/** Handlers by path, each with its own context, and with the parameters of its pattern. */
export type RoutesOf<Contexts extends object> = {
  readonly [Pattern in keyof Contexts]: RouteHandlers<Contexts[Pattern], RouteParams<Pattern>>;
};

/** Handlers of a server. */
export interface ServerHandlers<
  Context = unknown,
  Contexts extends object = RouteContexts,
> extends HookHandlers<Context> {
  /**
   * Handlers by path: "/chat", "/rooms/:room", "/files/*"; the hooks find what the parameters stand for in
   * `request.params`. With routes, a path that none matches is answered 404, by `http` where it asks for no upgrade, and
   * the handlers beside them are not used.
   *
   * `request.params` has the parameters of the pattern. The type of each route's context is what its `upgrade` returns, where that is
   * an arrow function whose parameter has a type, or that has none; {@link route} knows it of all others.
   */
  readonly routes?: RoutesOf<Contexts> | undefined;
  /**
   * An application that answers the plain requests for which there is no `http` hook, such as `app.fetch` of Hono, h3 or Elysia:
   * the same port serves it and the WebSockets. It has all the time that it takes. Where it throws the answer is 500, without its
   * text.
   *
   * @example
   * serve({ port: 8080 }, { fetch: app.fetch, message: (ws, data) => ws.send(data) })
   */
  readonly fetch?: FetchHandler | undefined;
  /**
   * A handshake came to nothing: `error.cause` tells why where a hook failed. Meant for logs.
   *
   * @param remoteAddress Of who is at the socket, be it a proxy.
   * @param peer The client behind trusted proxies, where there are some and it was known by then.
   */
  refused?(error: HandshakeError, remoteAddress: string | undefined, peer?: Peer): unknown;
  /**
   * Something has happened to the backplane: it is down or up again, messages may be missing, or something is wrong with it. The
   * place to tell clients that they have to ask for what they may have missed. What it throws goes nowhere.
   */
  backplane?(event: BackplaneEvent): unknown;
}

/**
 * Gives handlers as they are: for routes, so that each has the type of its own context, however its `upgrade` is written.
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

/** Subprotocols: what is no token could never be offered. */
export const tokens: Kind = {
  expected: "a list of tokens",
  is: (value) => texts.is(value) && (value as readonly string[]).every((text) => isToken(text)),
  instead: texts.instead,
};

/** What the handlers of a connection may be. */
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

/** A hook for plain requests, or one for each method. Methods are case-sensitive: "get" would never be asked for. */
const httpKind: Kind = /* @__PURE__ */ ((): Kind => ({
  expected: "a function, or an object of functions such as { GET: list, POST: add }",
  is: (value) =>
    callback.is(value) ||
    (object("").is(value) &&
      Object.entries(value as object).every(
        ([method, handler]) => /^[A-Z][A-Z-]*$/.test(method) && callback.is(handler),
      )),
}))();

/** What the options of a path may be. */
export const routeOptionsTable: OptionTable<RouteOptions> =
  /* @__PURE__ */ ((): OptionTable<RouteOptions> => ({
    ...pathTable,
    protocols: tokens,
    origins: originsKind,
    maxTopics: number,
    slowReceivers: slowReceiversKind,
    ...ofTheServer(["handshakeTimeout", "maxHeadSize", "maxTargetSize", "maxHeaders"]),
  }))();

/** Options that count before a path is known. */
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

/** What those of a server may be, and those of its routes. */
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
