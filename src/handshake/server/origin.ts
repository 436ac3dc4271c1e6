/**
 * Which pages may open connections (RFC 6455, 10.2): a browser sends a user's cookies with a request that any page makes.
 *
 * @module
 */

import type { Kind } from "../../check-options.ts";
import { HandshakeError } from "../../errors.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/**
 * Whose pages may connect. "any": all. "same": those of the server's own host, as the Host header names it. "cookies":
 * as "same" where the request carries cookies or other credentials, all otherwise. A list: those origins, such as
 * "https://example.org". Programs that send no Origin are no pages, and always may.
 */
export type OriginPolicy = "any" | "same" | "cookies" | readonly string[];

const policies: readonly unknown[] = ["any", "same", "cookies"];

/** An Origin as browsers send it (RFC 6454, 6.2): without a path, and "null" for what has none. Any other would fit nobody. */
const originPattern = /^(?:[a-z][a-z\d+.-]*:\/\/[^/*\s]*|null)$/i;

function isOrigin(value: unknown): boolean {
  return typeof value === "string" && originPattern.test(value);
}

/** What the option may be. */
export const originsKind: Kind = {
  expected: '"any", "same", "cookies", or a list of origins such as ["https://example.org"]',
  is: (value) => policies.includes(value) || (Array.isArray(value) && value.every(isOrigin)),
  instead(value) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.includes("*")) return '"any"';
    const wrong = list.find((one) => typeof one === "string" && !isOrigin(one)) ?? list[0];
    if (typeof wrong !== "string") return undefined;
    const host = wrong.replace(/^[a-z]+:\/\//i, "").replace(/\/.*$/, "");
    const scheme = /^[a-z]+:\/\//i.exec(wrong)?.[0] ?? "https://";
    return isOrigin(scheme + host) && host !== "" ? JSON.stringify([scheme + host]) : undefined;
  },
};

/**
 * Refuses a request that a page of another origin has made, where the policy says so.
 *
 * @throws {HandshakeError} `BAD_ORIGIN`, 403
 * @throws {TypeError} The policy is none.
 */
export function checkOrigin(request: UpgradeRequest, policy: OriginPolicy = "same"): void {
  if (!isAllowed(request, policy)) throw new HandshakeError("BAD_ORIGIN");
}

function isAllowed(request: UpgradeRequest, policy: OriginPolicy): boolean {
  const { origin } = request;
  if (origin === undefined || policy === "any") return true;
  if (policy === "same") return isSame(origin, request.peer.host);
  if (policy === "cookies") return !hasCredentials(request) || isSame(origin, request.peer.host);
  if (typeof policy === "string") {
    throw new TypeError(`origins must be "any", "same", "cookies" or a list: ${String(policy)}`);
  }
  return policy.some((allowed) => allowed.toLowerCase() === origin.toLowerCase());
}

/** What a browser adds by itself. */
function hasCredentials(request: UpgradeRequest): boolean {
  return request.get("cookie") !== undefined || request.get("authorization") !== undefined;
}

/** Compares hosts with their ports, the scheme's own where none is named. "null" and what is no URL is nobody's. */
function isSame(origin: string, host: string): boolean {
  // As nearly all write it; to read two URLs takes longer than the rest of a request.
  if (host !== "" && (origin === `https://${host}` || origin === `http://${host}`)) return true;
  try {
    const { protocol, host: ofOrigin } = new URL(origin);
    return ofOrigin !== "" && ofOrigin === new URL(`${protocol}//${host}`).host;
  } catch {
    return false;
  }
}
