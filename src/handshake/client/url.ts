/**
 * URLs of WebSocket servers (RFC 6455, 3).
 *
 * @module
 */

/** Where a URL leads. */
export interface Destination {
  /** Whether TLS is asked for. */
  readonly isSecure: boolean;
  /** Name or address to connect to; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The value of Host: with the port where it is not the scheme's own. */
  readonly host: string;
  /** The request target: path and query. */
  readonly target: string;
}

/**
 * Takes a URL apart.
 *
 * @param url With the scheme ws or wss.
 * @throws {TypeError} No URL; another scheme; a fragment; port 0; a user or password, which belong into a header. Those do
 * not stand in the message.
 */
export function parseUrl(url: string | { readonly href: string }): Destination {
  const text = typeof url === "string" ? url : url.href;
  // The parser of URLs would leave them out without a word.
  if (/[\t\n\r]/.test(text)) throw new TypeError("A URL has no line ends and no tabs");
  const parsed = new URL(text);
  const isSecure = parsed.protocol === "wss:";
  if (!isSecure && parsed.protocol !== "ws:") {
    throw new TypeError(`Scheme of a WebSocket URL must be ws or wss: ${parsed.protocol}`);
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
