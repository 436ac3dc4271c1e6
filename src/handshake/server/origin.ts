/**
 * Which pages may open connections (RFC 6455, 10.2): a browser sends a user's cookies with a request that any page makes.
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
 * @param origin As the browser has sent it: "https://example.org", or "null".
 * @param request Yours to keep.
 */
export type OriginTest = (origin: string, request: UpgradeRequest) => Awaitable<boolean>;

/**
 * Whose pages may connect. "any": all. "same": those of the server's own host, as the client has asked for it
 * (`request.peer.host`). "cookies": as "same" where the request carries cookies, an Authorization header or a client certificate,
 * all otherwise. A list: those origins, such as "https://example.org"; "https://*.example.org" for the hosts below it,
 * "http://localhost:*" for any port. A function, alone or in a list, where a list is not enough.
 *
 * Programs that send no Origin are no pages, and always may.
 */
export type OriginPolicy =
  "any" | "same" | "cookies" | OriginTest | readonly (string | OriginTest)[];

const policies: readonly unknown[] = ["any", "same", "cookies"];

/**
 * An Origin as browsers send it (RFC 6454, 6.2), or a pattern of such: without a path, and "null" for what has none. Any other
 * would fit nobody. Of all schemes only "file" has no host: some web views send it.
 */
const originPattern =
  /^(?:null|file:\/\/|[a-z][a-z\d+.-]*:\/\/(?:\*\.)?(?:\[[\da-f:.]+\]|[^/*\s@:[\]]+)(?::(?:\d{1,5}|\*))?)$/i;

function isOrigin(value: unknown): boolean {
  return typeof value === "string" && originPattern.test(value);
}

/** What the option may be. */
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

/** Tells whether a policy asks a function, which may keep the request. */
export function asksFunction(policy: OriginPolicy): boolean {
  return typeof policy === "function" || (Array.isArray(policy) && policy.some(callback.is));
}

/**
 * Refuses a request that a page of another origin has made, where the policy says so.
 *
 * @returns A promise where a function of the policy gives one.
 * @throws {HandshakeError} `BAD_ORIGIN`, 403; its `cause` says what to do, to those who log it.
 * @throws {TypeError} The policy is none, or a function of it gives neither true nor false.
 */
export function checkOrigin(
  request: UpgradeRequest,
  policy?: "any" | "same" | "cookies" | readonly string[],
): void;
/** The same with functions, which may take their time. */
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

/** Asks the functions of a list, one by one, until one says yes. */
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

/** @throws {TypeError} What is given is neither true nor false, nor a promise of it. */
function ask(test: OriginTest, origin: string, request: UpgradeRequest): Awaitable<boolean> {
  const check = (answer: boolean): boolean => {
    if (typeof answer === "boolean") return answer;
    throw wrongType("What a function of origins returns", "true or false", answer);
  };
  const answer = test(origin, request);
  return isPromise(answer) ? Promise.resolve(answer).then(check) : check(answer);
}

/** Tells whether an origin is what an element of a list names, both in lower case. */
function fits(origin: string, pattern: string): boolean {
  if (!pattern.includes("*")) return origin === pattern;
  const [base, port] = partsOf(pattern);
  const [ownBase, ownPort] = partsOf(origin);
  if (port !== "*" && port !== ownPort) return false;
  const [scheme, below] = base.split("*") as [string, string?];
  if (below === undefined) return ownBase === base;
  // "https://*.example.org": what stands for the "*" is one label or more.
  const label = ownBase.slice(scheme.length, ownBase.length - below.length);
  return ownBase === scheme + label + below && /^[^/@:*\s]+$/.test(label);
}

/** Takes the port off an origin; undefined where it names none. */
function partsOf(origin: string): [base: string, port: string | undefined] {
  const [, base, port] = /^(.*?)(?::(\d+|\*))?$/.exec(origin) as unknown as [
    string,
    string,
    string?,
  ];
  return [base, port];
}

/** Makes the refusal; what could be done about it is not for the page to know. */
function refusal(origin: string, { peer }: UpgradeRequest, policy: OriginPolicy): HandshakeError {
  const own = `is not of the server's own host, ${peer.host}: name it in origins; behind a proxy that rewrites Host, set trustProxy`;
  const why = policy === "same" || policy === "cookies" ? own : "is none that origins lets in";
  return new HandshakeError("BAD_ORIGIN", { cause: new Error(`${origin} ${why}`) });
}

/** What a browser adds by itself, a certificate that a balancer has seen included. */
function hasCredentials(request: UpgradeRequest): boolean {
  return (
    request.get("cookie") !== undefined ||
    request.get("authorization") !== undefined ||
    request.tls?.peerCertificate !== undefined ||
    request.peer.proxied?.tls?.hasCertificate === true
  );
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
