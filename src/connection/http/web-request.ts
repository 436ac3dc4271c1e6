/**
 * The `Request` that an application is given for a plain request.
 *
 * @module
 */

import { HandshakeError } from "../../errors.ts";
import { parsedUrl } from "../../http/url.ts";
import { newRealRequest } from "./real-request.ts";
import type { HttpRequest } from "./request.ts";
import { canStandIn, type NewRequest, newStandInRequest } from "./stand-in-request.ts";

/** What no `Request` may have (Fetch, 5.4). */
const forbidden = /^(?:CONNECT|TRACE|TRACK)$/i;

/** The host of a URL that could be parsed: most requests have the same one. */
let lastHost: string | undefined;

/** Found out at the first request, so that the package can be imported where there is no `Request`. */
let newRequest: NewRequest | undefined;

/** Makes what an application is given. @throws {HandshakeError} `BAD_METHOD`, `BAD_HOST`: no `Request` can have it. */
export function webRequestOf(asked: HttpRequest): Request {
  const { method, peer, target } = asked;
  if (forbidden.test(method)) {
    throw new HandshakeError("BAD_METHOD", { message: `Method is not served: ${method}` });
  }
  const { encrypted, host } = peer;
  const url = `${encrypted ? "https" : "http"}://${host || "localhost"}${target}`;
  // Whatever begins with a slash can be a target.
  if (host !== lastHost) {
    if (parsedUrl(url) === undefined) throw new HandshakeError("BAD_HOST");
    lastHost = host;
  }
  newRequest ??= fastest(newStandInRequest, newRealRequest);
  return newRequest(url, asked);
}

/** Gives the first that the runtime takes for a `Request`. */
export function fastest(standIn: NewRequest, real: NewRequest): NewRequest {
  return canStandIn(standIn) ? standIn : real;
}
