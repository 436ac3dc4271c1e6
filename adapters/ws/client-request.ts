/**
 * The request of a client's opening handshake, as options of `http.request` (RFC 6455, 4.1).
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { connect as connectTcp, isIP, type NetConnectOpts } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { writeOptions } from "../../src/http/option.ts";
import { isToken } from "../../src/http/token.ts";
import type { Extension } from "../../src/extension/extension.ts";
import type { ClientOptions } from "./options.ts";

/** The target of a request. */
export interface Target {
  /** The value of the attribute `url`. */
  readonly href: string;
  /** Whether it uses TLS. */
  readonly isSecure: boolean;
  /** Host and port, or path of a Unix socket: secrets are only sent to the same place. */
  readonly place: string;
  /** Options of `http.request` for this target. */
  readonly request: {
    readonly host: string;
    readonly port: string | number;
    readonly path: string;
    readonly socketPath: string | undefined;
  };
  /** Credentials of the URL, "user:password". */
  readonly auth: string | undefined;
}

/**
 * Parses the URL of a server, with the scheme ws, wss, http or https, or "ws+unix:/path/of/socket:/path/of/request".
 *
 * @throws {SyntaxError} The URL is invalid, or has another scheme.
 */
export function targetOf(address: string | { readonly href: string }, base?: string): Target {
  // Any other value is converted to a string, and then fails as a URL.
  const text = (address as { readonly href?: string } | undefined)?.href ?? String(address);
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${text}`);
  }
  if (url.protocol === "http:" || url.protocol === "https:") {
    url = new URL(url.href.replace(/^http/, "ws"));
  }
  const isUnix = url.protocol === "ws+unix:";
  const isSecure = url.protocol === "wss:";
  if (url.protocol !== "ws:" && !isSecure && !isUnix) {
    throw new SyntaxError(
      'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"',
    );
  }
  if (isUnix && url.pathname === "") throw new SyntaxError("The URL's pathname is empty");
  if (url.hash !== "") throw new SyntaxError("The URL contains a fragment identifier");
  const whole = url.pathname + url.search;
  const [socketPath, path] = isUnix ? splitAtColon(whole) : [undefined, whole];
  const hasAuth = url.username !== "" || url.password !== "";
  return {
    href: url.href,
    isSecure,
    place: socketPath === undefined ? url.host : `unix:${socketPath}`,
    request: {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? (isSecure ? 443 : 80) : url.port,
      path,
      socketPath,
    },
    auth: hasAuth
      ? `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
      : undefined,
  };
}

function splitAtColon(text: string): [before: string, behind: string] {
  const at = text.indexOf(":");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Gives the subprotocols as a list. @throws {SyntaxError} They are not distinct tokens. */
export function checkProtocols(protocols: readonly unknown[]): readonly string[] {
  const names = new Set(protocols);
  if (
    names.size !== protocols.length ||
    !protocols.every((name) => typeof name === "string" && isToken(name))
  ) {
    throw new SyntaxError("An invalid or duplicated subprotocol was specified");
  }
  return protocols as readonly string[];
}

/** Sorts the arguments of a client: protocols may be left out, or be among the options. */
export function clientArguments(
  protocols: string | readonly string[] | ClientOptions | null | undefined,
  options: ClientOptions | null | undefined,
): { readonly protocols: readonly string[]; readonly options: ClientOptions } {
  let given: unknown = protocols;
  if (typeof protocols === "object" && protocols !== null && !Array.isArray(protocols)) {
    options = protocols as ClientOptions;
    given = undefined;
  }
  given ??= options?.protocols;
  const list: readonly unknown[] =
    given === undefined ? [] : Array.isArray(given) ? given : [given];
  return { protocols: checkProtocols(list), options: options ?? {} };
}

/** The content of a client's request. */
export interface Wish {
  readonly target: Target;
  readonly protocols: readonly string[];
  readonly extension: Extension | undefined;
  /** The application's headers. */
  readonly headers: Record<string, unknown>;
  /** The credentials to send. */
  readonly auth: string | undefined;
}

/** Gives the options of `http.request`, and the key that the server must answer. */
export function requestOptions(
  { target, protocols, extension, headers, auth }: Wish,
  options: ClientOptions,
): { readonly key: string; readonly request: Record<string, unknown> } {
  const { origin, protocolVersion = 13 } = options;
  const key = randomBytes(16).toString("base64");
  const all: Record<string, unknown> = {
    ...headers,
    "Sec-WebSocket-Version": protocolVersion,
    "Sec-WebSocket-Key": key,
    Connection: "Upgrade",
    Upgrade: "websocket",
  };
  const offers = extension?.offers ?? [];
  if (offers.length > 0) all["Sec-WebSocket-Extensions"] = writeOptions(offers);
  if (protocols.length > 0) all["Sec-WebSocket-Protocol"] = protocols.join(",");
  if (origin) all[protocolVersion < 13 ? "Sec-WebSocket-Origin" : "Origin"] = origin;
  return {
    key,
    request: {
      createConnection: target.isSecure ? overTls : overTcp,
      defaultPort: target.isSecure ? 443 : 80,
      ...options,
      hostname: undefined,
      protocol: undefined,
      protocols: undefined,
      timeout: undefined,
      method: "GET",
      ...target.request,
      headers: all,
      auth,
    },
  };
}

/** The options that `http.request` gives to the function that makes its socket, as far as they are used here. */
interface Connecting {
  readonly host: string;
  readonly socketPath?: string | undefined;
  readonly servername?: string | undefined;
}

function overTcp(options: Connecting): unknown {
  return connectTcp({ ...options, path: options.socketPath } as unknown as NetConnectOpts);
}

function overTls(options: Connecting): unknown {
  const { host, servername = isIP(host) === 0 ? host : "" } = options;
  return connectTls({ ...options, path: undefined, servername } as unknown as ConnectionOptions);
}
