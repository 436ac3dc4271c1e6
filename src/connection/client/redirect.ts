/**
 * Follows redirects of a client's handshake (RFC 6455, 4.1; RFC 9110, 15.4). Secrets for one origin are not sent to another.
 *
 * @module
 */

import { DialError, type HeaderPairs } from "../../errors.ts";
import type { UpgradedStream } from "../../handshake/upgraded-stream.ts";
import { parseUrl } from "../../handshake/client/url.ts";
import type { TlsOptions } from "../../transport.ts";

/** One request on the way to a connection. */
export interface RedirectStep {
  /** URL with the scheme ws or wss. */
  readonly url: string;
  readonly headers: HeaderPairs;
  /** Subprotocols to offer. */
  readonly protocols: readonly string[];
  readonly host: string | undefined;
  readonly tls: TlsOptions | undefined;
  /** Path of the Unix socket to which to connect. */
  readonly path: string | undefined;
}

/** The result of a step. */
export interface Arrival {
  readonly stream: UpgradedStream;
  readonly step: RedirectStep;
}

const redirections = [301, 302, 303, 307, 308];

/** The only header of the caller that contains nothing about the caller. */
const harmless = /^user-agent$/i;

/** Options of TLS, of any runtime, that hold neither a certificate nor a key nor a name. */
const harmlessTls = ["ca", "rejectUnauthorized", "ALPNProtocols", "alpnProtocols"];

/**
 * Dials, and follows redirects.
 *
 * @param most Number of redirects to follow. After that, the last response is the result.
 * @throws The error of `dial`. A redirect that may not be followed throws the DialError of its response.
 */
export async function follow(
  dial: (step: RedirectStep) => Promise<UpgradedStream>,
  first: RedirectStep,
  most: number,
): Promise<Arrival> {
  let step = first;
  for (let count = 0; ; count++) {
    try {
      return { stream: await dial(step), step };
    } catch (error) {
      const next = count < most ? nextStep(error, step) : undefined;
      if (next === undefined) throw error;
      step = next;
    }
  }
}

/** Gives the next step that a response asks for; undefined if there is none, or it may not be taken. */
export function nextStep(error: unknown, step: RedirectStep): RedirectStep | undefined {
  if (!(error instanceof DialError) || !redirections.includes(error.status)) return undefined;
  const location = error.headers.find(([name]) => name.toLowerCase() === "location")?.[1];
  const url = location === undefined ? undefined : resolve(location, step.url);
  if (url === undefined) return undefined;
  const from = new URL(step.url);
  // A step from wss to ws would expose what was encrypted.
  if (from.protocol === "wss:" && url.protocol !== "wss:") return undefined;
  if (url.protocol === from.protocol && url.host === from.host) return { ...step, url: url.href };
  // A subprotocol may contain a token. Without its subprotocols, a client could not use the connection.
  if (step.protocols.length > 0 && !isSecuredSelf(from, url)) return undefined;
  return {
    url: url.href,
    protocols: step.protocols,
    // Any header of the application may hold a credential, and so may its certificate.
    headers: step.headers.filter(([name]) => harmless.test(name)),
    host: undefined,
    tls: step.tls && withoutIdentity(step.tls),
    path: undefined,
  };
}

/**
 * Tells whether a host redirects from ws to wss on the same host. It already knows everything that was sent without encryption.
 */
function isSecuredSelf(from: URL, to: URL): boolean {
  return from.protocol === "ws:" && to.protocol === "wss:" && from.hostname === to.hostname;
}

function withoutIdentity(tls: TlsOptions): TlsOptions {
  return Object.fromEntries(Object.entries(tls).filter(([name]) => harmlessTls.includes(name)));
}

/** Reads a Location header as the URL of a WebSocket server; gives undefined if the URL cannot be dialled. */
function resolve(location: string, base: string): URL | undefined {
  try {
    const text = new URL(location, base.replace(/^ws/, "http")).href;
    const url = new URL(text.replace(/^http/, "ws").replace(/#.*$/, ""));
    parseUrl(url);
    return url;
  } catch {
    return undefined;
  }
}
