/**
 * A `Request` of the runtime itself.
 *
 * @module
 */

import type { HttpRequest } from "./request.ts";
import { appendHeaders, methodOf, partsOf, type RequestParts } from "./request-parts.ts";

/** A class of `Request` whose signal is that of the HttpRequest. */
export type RealClass = new (
  from: string | Request,
  asked: HttpRequest,
  parts?: RequestParts,
) => Request;

let realClass: RealClass | undefined;

/** Gives the class, which is made at the first call: not every runtime has a `Request`. */
export function classOfReal(): RealClass {
  return (realClass ??= class extends Request {
    readonly #asked: HttpRequest;

    constructor(from: string | Request, asked: HttpRequest, parts?: RequestParts) {
      super(from, parts);
      this.#asked = asked;
    }

    // Bun's own `Request` replaces an unknown method by GET.
    override get method(): string {
      return methodOf(this.#asked);
    }

    // Made when it is read. A `Request` that gets a signal makes another one that follows it, which made a whole answer cost 1.4
    // times as much on Node (bench/fetch.mjs).
    override get signal(): AbortSignal {
      return this.#asked.signal as AbortSignal;
    }

    override clone(): Request {
      return new (classOfReal())(super.clone(), this.#asked);
    }
  });
}

/** Makes a `Request`. @param url A valid URL. */
export function newRealRequest(url: string, asked: HttpRequest): Request {
  const request = new (classOfReal())(url, asked, partsOf(asked));
  appendHeaders(request.headers, asked);
  return request;
}
