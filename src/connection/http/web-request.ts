/**
 * The `Request` that an application gets for a plain request.
 *
 * @module
 */

import { HandshakeError } from "../../errors.ts";
import { parsedUrl } from "../../http/url.ts";
import { newLazyRequest } from "./lazy-request.ts";
import { newRealRequest } from "./real-request.ts";
import type { HttpRequest } from "./request.ts";
import { canStandIn, type NewRequest, newStandInRequest } from "./stand-in-request.ts";

/** Methods that a `Request` may not have (Fetch, 5.4). */
const forbidden = /^(?:CONNECT|TRACE|TRACK)$/i;

/** The last host that was part of a valid URL. Most requests have the same host. */
let lastHost: string | undefined;

/** Chosen at the first request, so that the package can be imported where there is no `Request`. */
let newRequest: NewRequest | undefined;

/** Makes the `Request` for an application. @throws {HandshakeError} `BAD_METHOD`, `BAD_HOST`: a `Request` cannot have it. */
export function webRequestOf(asked: HttpRequest): Request {
  const { method, peer, target } = asked;
  if (forbidden.test(method)) {
    throw new HandshakeError("BAD_METHOD", { message: `Method is not served: ${method}` });
  }
  const { encrypted, host } = peer;
  const url = `${encrypted ? "https" : "http"}://${host || "localhost"}${target}`;
  // Any text that begins with a slash is a valid target, so only the host is checked.
  if (host !== lastHost) {
    if (parsedUrl(url) === undefined) throw new HandshakeError("BAD_HOST");
    lastHost = host;
  }
  newRequest ??= fastest([newStandInRequest, newLazyRequest], newRealRequest);
  return newRequest(url, asked);
}

/** Gives the first of `ways` whose result the runtime accepts as a `Request`; `real` if there is none. */
export function fastest(ways: readonly NewRequest[], real: NewRequest): NewRequest {
  return ways.find(canStandIn) ?? real;
}
