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

/** Where a request goes. */
export interface Target {
  /** As the attribute `url` has it. */
  readonly href: string;
  /** Whether it goes through TLS. */
  readonly isSecure: boolean;
  /** Host and port, or path of a Unix socket: who gets what is secret. */
  readonly place: string;
  /** What `http.request` is told of it. */
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
 * Reads the URL of a server: of ws, wss, http or https, or "ws+unix:/path/of/socket:/path/of/request".
 *
 * @throws {SyntaxError} It is no URL, or none of those.
 */
export function targetOf(address: string | { readonly href: string }, base?: string): Target {
  // Whatever else is given is no URL by its text.
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

/** Takes the subprotocols, however they are given. @throws {SyntaxError} They are no distinct tokens. */
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

/** How a client was called: protocols may be left out, and stand among the options. */
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

/** What a client asks for. */
export interface Wish {
  readonly target: Target;
  readonly protocols: readonly string[];
  readonly extension: Extension | undefined;
  /** Headers of the application. */
  readonly headers: Record<string, unknown>;
  /** Credentials that go along. */
  readonly auth: string | undefined;
}

/** Gives what `http.request` is called with, and the key that the server has to answer. */
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

/** What is used of the options that `http.request` gives to what makes its socket. */
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
