/**
 * Redirects of a client's handshake (RFC 6455, 4.1; RFC 9110, 15.4), without leaking what is meant for one origin alone.
 *
 * @module
 */

import { DialError, type HeaderPairs } from "../../errors.ts";
import type { UpgradedStream } from "../../handshake/upgraded-stream.ts";
import { parseUrl } from "../../handshake/client/url.ts";
import type { TlsOptions } from "../../transport.ts";

/** One request on the way to a connection. */
export interface RedirectStep {
  /** With the scheme ws or wss. */
  readonly url: string;
  readonly headers: HeaderPairs;
  /** Subprotocols that are offered. */
  readonly protocols: readonly string[];
  readonly host: string | undefined;
  readonly tls: TlsOptions | undefined;
  /** Unix socket to connect to. */
  readonly path: string | undefined;
}

/** What a step came to. */
export interface Arrival {
  readonly stream: UpgradedStream;
  readonly step: RedirectStep;
}

const redirections = [301, 302, 303, 307, 308];

/** The one header of the caller's that says nothing about the caller. */
const harmless = /^user-agent$/i;

/** Options of TLS that hold no certificate, no key and no name, whatever a runtime calls those. */
const harmlessTls = ["ca", "rejectUnauthorized", "ALPNProtocols", "alpnProtocols"];

/**
 * Dials, and follows redirects.
 *
 * @param most Redirects that are followed; the answer to the last request is what counts.
 * @throws What `dial` throws; a redirect that may not be followed is the DialError that it came as.
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

/** Gives the step that an answer asks for, undefined where it asks for none that may be taken. */
export function nextStep(error: unknown, step: RedirectStep): RedirectStep | undefined {
  if (!(error instanceof DialError) || !redirections.includes(error.status)) return undefined;
  const location = error.headers.find(([name]) => name.toLowerCase() === "location")?.[1];
  const url = location === undefined ? undefined : resolve(location, step.url);
  if (url === undefined) return undefined;
  const from = new URL(step.url);
  // What was to be secret would not be any more.
  if (from.protocol === "wss:" && url.protocol !== "wss:") return undefined;
  if (url.protocol === from.protocol && url.host === from.host) return { ...step, url: url.href };
  // One may be a token; and without them a client that needs them has no use for the connection.
  if (step.protocols.length > 0 && !isSecuredSelf(from, url)) return undefined;
  return {
    url: url.href,
    protocols: step.protocols,
    // A header of the application's may be a credential, whatever its name; so is its certificate.
    headers: step.headers.filter(([name]) => harmless.test(name)),
    host: undefined,
    tls: step.tls && withoutIdentity(step.tls),
    path: undefined,
  };
}

/** Tells whether a host sends its clients from ws to wss: what it was told in the clear, it may be told again. */
function isSecuredSelf(from: URL, to: URL): boolean {
  return from.protocol === "ws:" && to.protocol === "wss:" && from.hostname === to.hostname;
}

function withoutIdentity(tls: TlsOptions): TlsOptions {
  return Object.fromEntries(Object.entries(tls).filter(([name]) => harmlessTls.includes(name)));
}

/** Reads a Location as the URL of a WebSocket server; undefined also for one that may not be dialled. */
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
