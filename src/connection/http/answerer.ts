/**
 * Who answers a plain request: a hook, or the server itself.
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

/** What an application has for plain requests to one path. */
export interface PlainHandlers {
  /** The hook of the path. */
  readonly http: HttpHandler | HttpMethods | undefined;
  /** The application for what no hook answers. */
  readonly application: Answerer | undefined;
  /** Whether WebSockets are served there, at least. */
  readonly isKnown: boolean;
}

const notFound = { status: 404, message: "Nothing is served at this path" } as const;

/**
 * Finds who answers a request.
 *
 * @throws {HandshakeError} `REJECTED` with 404, `BAD_UPGRADE` with 426, `BAD_METHOD`: nobody does.
 */
export function answererOf(
  { http, application, isKnown }: PlainHandlers,
  request: HttpRequest,
): Answerer {
  const { method, target } = request;
  if (target === "*") return options(undefined);
  const handler = http && handlerOf(http, method);
  if (handler !== undefined) return asked(handler);
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

function asked(handler: HttpHandler): Answerer {
  return {
    ask: handler,
    answerOf: (given) => answerOf(given as HttpAnswer),
    isTimed: true,
  };
}

/** Answers OPTIONS where no hook does. */
function options(http: HttpHandler | HttpMethods | undefined): Answerer {
  const answer: Answer = {
    status: 204,
    headers: [["Allow", allowedMethods(http)]],
    body: new Uint8Array(0),
  };
  return { ask: () => answer, answerOf: () => answer, isTimed: true };
}
