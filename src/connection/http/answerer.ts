/**
 * Finds what answers a plain request: a hook, the application, or the server itself.
 *
 * @module
 */

import { HandshakeError } from "../../errors.ts";
import { upgradeRequired } from "../../handshake/server/request.ts";
import {
  allowedMethods,
  type Answer,
  answerOf,
  type HttpAnswer,
  type HttpHandler,
  handlerOf,
  type HttpMethods,
} from "./answer.ts";
import type { Answerer } from "./exchange.ts";
import type { HttpRequest } from "./request.ts";

/** The handlers for plain requests to one path. */
export interface PlainHandlers {
  /** The hook of the path. */
  readonly http: HttpHandler | HttpMethods | undefined;
  /** The application that answers if there is no hook. */
  readonly application: Answerer | undefined;
  /** Whether the path has a route, at least for WebSockets. */
  readonly isKnown: boolean;
}

const notFound = { status: 404, message: "Nothing is served at this path" } as const;

/**
 * Finds the answerer of a request.
 *
 * @throws {HandshakeError} `REJECTED` with 404, `BAD_UPGRADE` with 426, `BAD_METHOD`: there is none.
 */
export function answererOf(
  { http, application, isKnown }: PlainHandlers,
  request: HttpRequest,
): Answerer {
  const { method, target } = request;
  if (target === "*") return options(undefined);
  const handler = http && handlerOf(http, method);
  if (handler !== undefined) return new Asked(handler);
  if (application !== undefined) return application;
  if (http === undefined && !isKnown) throw new HandshakeError("REJECTED", notFound);
  if (http === undefined && (method === "GET" || method === "HEAD")) throw upgradeRequired();
  if (http === undefined && method === "OPTIONS") return options(http);
  const allow = http === undefined ? "GET" : allowedMethods(http);
  throw new HandshakeError("BAD_METHOD", {
    message: `Method must be one of ${allow}`,
    headers: [["Allow", allow]],
  });
}

/** Asks a hook. */
class Asked implements Answerer {
  readonly #handler: HttpHandler;

  constructor(handler: HttpHandler) {
    this.#handler = handler;
  }

  ask(request: HttpRequest): unknown {
    const handler = this.#handler;
    return handler(request);
  }

  answerOf(given: unknown): Answer {
    return answerOf(given as HttpAnswer);
  }

  get isTimed(): boolean {
    return true;
  }
}

/** Answers OPTIONS if no hook does. */
function options(http: HttpHandler | HttpMethods | undefined): Answerer {
  const answer: Answer = {
    status: 204,
    headers: [["Allow", allowedMethods(http)]],
    body: new Uint8Array(0),
  };
  return { ask: () => answer, answerOf: () => answer, isTimed: true };
}
