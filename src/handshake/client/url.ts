/**
 * URLs of WebSocket servers (RFC 6455, 3).
 *
 * @module
 */

import { kindOf } from "../../arguments.ts";
import { parsedUrl } from "../../http/url.ts";

/** The parts of a URL. */
export interface Destination {
  /** Whether the URL asks for TLS. */
  readonly isSecure: boolean;
  /** Name or address to which to connect; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The value of the Host header, with the port if it is not the scheme's default. */
  readonly host: string;
  /** The request target: path and query. */
  readonly target: string;
}

const expected = 'url must be a whole URL such as "ws://localhost:8080/chat"';

/**
 * Gives a URL as text.
 *
 * @throws {TypeError} It is neither a string nor a URL.
 */
export function textOfUrl(url: string | { readonly href: string }): string {
  const { href } = Object(url) as { readonly href?: unknown };
  const text: unknown = typeof url === "string" ? url : href;
  if (typeof text !== "string") throw new TypeError(`${expected}: ${kindOf(url)}`);
  return text;
}

/**
 * Parses a URL.
 *
 * @throws {TypeError} It is not a URL. The message does not contain parts that may be a password.
 */
export function newUrl(text: string): URL {
  // Not the runtime's own error: on some runtimes it contains the whole text, on others nothing of it.
  const url = parsedUrl(text);
  if (url !== undefined) return url;
  const end = text.includes("@") ? "" : `: ${JSON.stringify(text)}${hint(text)}`;
  throw new TypeError(`${expected}${end}`);
}

/** Suggests a URL for a host, with or without a port, whose scheme is missing. */
function hint(text: string): string {
  return /^[\w.-]+(?::\d+)?(?:\/|$)/.test(text) ? `; write "ws://${text}"` : "";
}

/**
 * Parses the URL of a WebSocket server.
 *
 * @param url With the scheme ws or wss.
 * @throws {TypeError} It is not a URL; it has another scheme, a fragment or port 0; it has a user or a password, which belong
 * into a header. The message does not contain user or password.
 */
export function parseUrl(url: string | { readonly href: string }): Destination {
  const text = textOfUrl(url);
  // The URL parser would remove these characters silently.
  if (/[\t\n\r]/.test(text)) throw new TypeError("URL must not contain line ends or tabs");
  const parsed = newUrl(text);
  const isSecure = parsed.protocol === "wss:";
  if (!isSecure && parsed.protocol !== "ws:") {
    throw new TypeError(
      `Scheme of a WebSocket URL must be ws or wss: ${parsed.protocol}${hint(text)}`,
    );
  }
  // "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used" (RFC 6455, 3)
  if (text.includes("#")) throw new TypeError("A WebSocket URL has no fragment");
  if (parsed.username !== "" || parsed.password !== "") {
    throw new TypeError(
      'Credentials in a URL are not sent unasked: connect() has the option auth, "url" or { user, password }; elsewhere use an Authorization header',
    );
  }
  if (parsed.port === "0") throw new TypeError("Nobody can be reached at port 0");
  return {
    isSecure,
    hostname: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: parsed.port === "" ? (isSecure ? 443 : 80) : Number(parsed.port),
    host: parsed.host,
    target: parsed.pathname + parsed.search,
  };
}
