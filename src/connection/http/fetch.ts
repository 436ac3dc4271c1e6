/**
 * Plain requests for an application that is a function from `Request` to `Response`, as in the Web's standards.
 *
 * @module
 */

import { isBytes } from "../../arguments.ts";
import { noBytes } from "../../bytes.ts";
import { isPromise } from "../../deferred.ts";
import type { UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import { type Answer, textBody } from "./answer.ts";
import { type BodySource, sourceOf, type ValueNow } from "./body-source.ts";
import type { Answerer } from "./exchange.ts";
import { webRequestOf } from "./web-request.ts";
import { resumed, whole } from "./whole-body.ts";

/**
 * The runtime's own `Request`; `object` in a project without a runtime's types. The package's declarations compile in both cases.
 */
export type RuntimeRequest = typeof globalThis extends {
  /** The runtime's class. */
  Request: {
    /** The type of its instances. */
    prototype: infer Own;
  };
}
  ? Own
  : object;

/** The runtime's own `Response`; `object` in a project without a runtime's types. */
export type RuntimeResponse = typeof globalThis extends {
  /** The runtime's class. */
  Response: {
    /** The type of its instances. */
    prototype: infer Own;
  };
}
  ? Own
  : object;

/**
 * An application that answers plain requests, such as `app.fetch` of Hono or h3.
 *
 * @param request Its URL has the scheme and the host that the client asked for. Its signal aborts when the client leaves.
 * @param info The client: `peer`, `remoteAddress`, `tls`. Yours to keep.
 */
export type FetchHandler = (
  request: RuntimeRequest,
  info: UpgradeRequest,
) => Awaitable<RuntimeResponse>;

/** Gives the bytes or the text of a response that already has them, as {@link RuntimeServices.bodyOf}. */
type BodyOf = NonNullable<RuntimeServices["bodyOf"]>;

/** Gives the Content-Type of a body whose response has none, as {@link RuntimeServices.typeOf}. */
type TypeOf = RuntimeServices["typeOf"];

/** The functions of a runtime that know more of a response than the standard tells. */
export type ResponseServices = Pick<RuntimeServices, "bodyOf" | "typeOf" | "valueNow">;

/** Makes an answerer from a `fetch` handler. It has no time limit. */
export function fetchAnswerer(fetch: FetchHandler, services: ResponseServices = {}): Answerer {
  const { bodyOf = unknownBody, typeOf, valueNow } = services;
  return {
    ask(request) {
      const response = fetch(webRequestOf(request) as RuntimeRequest, request);
      const isHead = request.method === "HEAD";
      return isPromise(response)
        ? Promise.resolve(response).then((given) =>
            answerOf(given, isHead, bodyOf, typeOf, valueNow),
          )
        : answerOf(response as RuntimeResponse, isHead, bodyOf, typeOf, valueNow);
    },
    answerOf: (given) => given as Answer,
    isTimed: false,
  };
}

/** Headers of a response that concern only the connection between this server and its client. */
const own = /^(?:connection|keep-alive|transfer-encoding|content-length|upgrade)$/;

/** @throws {TypeError} It is not a `Response`. */
function answerOf(
  given: RuntimeResponse,
  isHead: boolean,
  bodyOf: BodyOf,
  typeOf: TypeOf,
  valueNow: ValueNow | undefined,
): Awaitable<Answer> {
  // Recognized by its members and not by its class, because frameworks have classes of their own.
  const response = (given ?? {}) as Partial<Response>;
  const { status, headers } = response;
  if (status === undefined || headers === undefined) throw notResponse();
  const pairs: [name: string, value: string][] = [];
  let length: number | undefined;
  // On Deno an iterator over the headers would cost three times as much.
  headers.forEach((value, name) => {
    if (!own.test(name)) pairs.push([name, value]);
    else if (name === "content-length") length = lengthOf(value);
  });
  const content = isHead || length !== undefined ? undefined : bodyOf(response);
  if (content !== undefined) {
    return {
      status,
      headers: pairs,
      body: typeof content === "string" ? textBody(content) : content,
    };
  }
  // Only now, because Node and Deno make a stream when `body` is read.
  const { body } = response;
  if (body === undefined) throw notResponse();
  if (body === null && isHead) return { status, headers: pairs, body: nothing, length };
  if (body === null) return { status, headers: pairs, body: noBytes };
  const source = sourceOf(body, valueNow);
  const isAsItIs = length !== undefined || isHead;
  if (typeOf !== undefined && !pairs.some(isContentType)) {
    return whole(source).then((content) => {
      const type = isBytes(content) ? typeOf(content) : undefined;
      if (type !== undefined) pairs.push(["content-type", type]);
      const piece = isAsItIs && isBytes(content) ? asSource(content) : content;
      return { status, headers: pairs, body: piece, length };
    });
  }
  if (isAsItIs) return { status, headers: pairs, body: source, length };
  return whole(source).then((content) => ({ status, headers: pairs, body: content }));
}

function isContentType([name]: readonly [name: string, value: string]): boolean {
  return name === "content-type";
}

function notResponse(): TypeError {
  return new TypeError("fetch must return a Response");
}

function unknownBody(): undefined {}

/** Replaces a body that HEAD does not ask for. */
const nothing: BodySource = { next: () => undefined, cancel() {} };

function lengthOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function asSource(content: Uint8Array): BodySource {
  return resumed(nothing, content.length === 0 ? [] : [content], nothing.next());
}
