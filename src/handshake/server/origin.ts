/**
 * Which pages may open connections (RFC 6455, 10.2). A browser sends a user's cookies with the request of any page.
 *
 * @module
 */

import { wrongType } from "../../arguments.ts";
import { callback, type Kind } from "../../check-options.ts";
import { isPromise } from "../../deferred.ts";
import { HandshakeError } from "../../errors.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/**
 * Decides whether pages of an origin may connect.
 *
 * @param origin The Origin header of the browser: "https://example.org", or "null".
 * @param request Yours to keep.
 */
export type OriginTest = (origin: string, request: UpgradeRequest) => Awaitable<boolean>;

/**
 * The origins whose pages may connect. "any": all. "same": the server's own host, as the client has asked for it
 * (`request.peer.host`). "cookies": as "same" if the request has cookies, an Authorization header or a client certificate,
 * otherwise all. A list: these origins, such as "https://example.org"; "https://*.example.org" stands for the hosts below it,
 * "http://localhost:*" for any port. A function, alone or in a list: decides itself.
 *
 * Programs that send no Origin are not pages, and may always connect.
 */
export type OriginPolicy =
  | "any"
  | "same"
  | "cookies"
  | OriginTest
  | readonly (string | OriginTest)[];

const policies: readonly unknown[] = ["any", "same", "cookies"];

/**
 * An Origin as browsers send it (RFC 6454, 6.2), or a pattern: without a path; "null" for a page without an origin. Another text
 * would never match. Only the scheme "file" has no host: some web views send it.
 */
const originPattern =
  /^(?:null|file:\/\/|[a-z][a-z\d+.-]*:\/\/(?:\*\.)?(?:\[[\da-f:.]+\]|[^/*\s@:[\]]+)(?::(?:\d{1,5}|\*))?)$/i;

function isOrigin(value: unknown): boolean {
  return typeof value === "string" && originPattern.test(value);
}

/** The kind of the option. */
export const originsKind: Kind = {
  expected:
    '"any", "same", "cookies", a list of origins such as ["https://example.org"], or a function',
  is: (value) =>
    policies.includes(value) ||
    typeof value === "function" ||
    (Array.isArray(value) && value.every((one) => typeof one === "function" || isOrigin(one))),
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

/** Tells whether a policy contains a function, which may keep the request. */
export function asksFunction(policy: OriginPolicy): boolean {
  return typeof policy === "function" || (Array.isArray(policy) && policy.some(callback.is));
}

/**
 * Refuses a request of a page from another origin, if the policy says so.
 *
 * @returns A promise if a function of the policy returns one.
 * @throws {HandshakeError} `BAD_ORIGIN`, 403. For your logs, its `cause` says what to do.
 * @throws {TypeError} The policy is malformed, or a function of it returns neither true nor false.
 */
export function checkOrigin(
  request: UpgradeRequest,
  policy?: "any" | "same" | "cookies" | readonly string[],
): void;
/** Like the call above, for a policy with functions, which may return promises. */
export function checkOrigin(request: UpgradeRequest, policy: OriginPolicy): Awaitable<void>;
export function checkOrigin(
  request: UpgradeRequest,
  policy: OriginPolicy = "same",
): Awaitable<void> {
  const { origin } = request;
  if (origin === undefined || policy === "any") return;
  const allowed = isAllowed(origin, request, policy);
  const decide = (isIn: boolean): void => {
    if (!isIn) throw refusal(origin, request, policy);
  };
  return isPromise(allowed) ? allowed.then(decide) : decide(allowed);
}

function isAllowed(
  origin: string,
  request: UpgradeRequest,
  policy: Exclude<OriginPolicy, "any">,
): Awaitable<boolean> {
  if (policy === "same") return isSame(origin, request.peer.host);
  if (policy === "cookies") return isSame(origin, request.peer.host) || !hasCredentials(request);
  if (typeof policy === "function") return ask(policy, origin, request);
  if (typeof policy === "string") {
    throw new TypeError(`origins must be ${originsKind.expected}: ${String(policy)}`);
  }
  const lower = origin.toLowerCase();
  if (policy.some((one) => typeof one === "string" && fits(lower, one.toLowerCase()))) return true;
  return askAll(policy, origin, request);
}

/** Calls the functions of a list, one after the other, until one says yes. */
function askAll(
  policy: readonly (string | OriginTest)[],
  origin: string,
  request: UpgradeRequest,
  from = 0,
): Awaitable<boolean> {
  for (let index = from; index < policy.length; index++) {
    const test = policy[index]!;
    if (typeof test === "string") continue;
    const answer = ask(test, origin, request);
    if (isPromise(answer)) {
      return answer.then((isIn) => isIn || askAll(policy, origin, request, index + 1));
    }
    if (answer) return true;
  }
  return false;
}

/** @throws {TypeError} The function returned neither true nor false, nor a promise. */
function ask(test: OriginTest, origin: string, request: UpgradeRequest): Awaitable<boolean> {
  const check = (answer: boolean): boolean => {
    if (typeof answer === "boolean") return answer;
    throw wrongType("What a function of origins returns", "true or false", answer);
  };
  const answer = test(origin, request);
  return isPromise(answer) ? Promise.resolve(answer).then(check) : check(answer);
}

/** Tells whether an origin matches an element of a list. Both are in lower case. */
function fits(origin: string, pattern: string): boolean {
  if (!pattern.includes("*")) return origin === pattern;
  const [base, port] = partsOf(pattern);
  const [ownBase, ownPort] = partsOf(origin);
  if (port !== "*" && port !== ownPort) return false;
  const [scheme, below] = base.split("*") as [string, string?];
  if (below === undefined) return ownBase === base;
  // "https://*.example.org": the "*" stands for one label or more.
  const label = ownBase.slice(scheme.length, ownBase.length - below.length);
  return ownBase === scheme + label + below && /^[^/@:*\s]+$/.test(label);
}

/** Splits an origin into base and port; the port is undefined if the origin has none. */
function partsOf(origin: string): [base: string, port: string | undefined] {
  const [, base, port] = /^(.*?)(?::(\d+|\*))?$/.exec(origin) as unknown as [
    string,
    string,
    string?,
  ];
  return [base, port];
}

/** Makes the refusal. The page does not see its cause, which says what to do. */
function refusal(origin: string, { peer }: UpgradeRequest, policy: OriginPolicy): HandshakeError {
  const own = `is not of the server's own host, ${peer.host}: name it in origins; behind a proxy that rewrites Host, set trustProxy`;
  const why = policy === "same" || policy === "cookies" ? own : "is none that origins lets in";
  return new HandshakeError("BAD_ORIGIN", { cause: new Error(`${origin} ${why}`) });
}

/** Tells whether the request has credentials that a browser adds by itself, including a certificate that a balancer has seen. */
function hasCredentials(request: UpgradeRequest): boolean {
  return (
    request.get("cookie") !== undefined ||
    request.get("authorization") !== undefined ||
    request.tls?.peerCertificate !== undefined ||
    request.peer.proxied?.tls?.hasCertificate === true
  );
}

/**
 * Compares hosts with their ports; a missing port is the scheme's default. "null", and a text that is not a URL, match no host.
 */
function isSame(origin: string, host: string): boolean {
  // The usual form. Parsing two URLs would take longer than the rest of a request.
  if (host !== "" && (origin === `https://${host}` || origin === `http://${host}`)) return true;
  try {
    const { protocol, host: ofOrigin } = new URL(origin);
    return ofOrigin !== "" && ofOrigin === new URL(`${protocol}//${host}`).host;
  } catch {
    return false;
  }
}
