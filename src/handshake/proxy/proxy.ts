/**
 * Proxies: their URLs, and connecting through them.
 *
 * @module
 */

import { TransportError } from "../../errors.ts";
import type { Connect, ConnectOptions, TlsOptions, Transport, Tunnel } from "../../transport.ts";
import { type Credentials, credentialsOf } from "../basic.ts";
import { connectTunnel, type ProxyTarget } from "./connect-tunnel.ts";
import { socksTunnel } from "./socks.ts";

/** The protocol for asking a proxy. */
export type ProxyKind = "connect" | "socks5";

/** A proxy, as its URL describes it. */
export interface Proxy {
  /** The protocol for asking it. */
  readonly kind: ProxyKind;
  /** Whether the connection to the proxy itself uses TLS. */
  readonly isSecure: boolean;
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** The credentials in the URL; undefined if it has none. */
  readonly credentials: Credentials | undefined;
}

/** The meaning of each scheme, and its default port. */
const schemes: Readonly<Record<string, readonly [ProxyKind, isSecure: boolean, port: number]>> = {
  "http:": ["connect", false, 80],
  "https:": ["connect", true, 443],
  "socks5:": ["socks5", false, 1080],
  "socks5h:": ["socks5", false, 1080],
};

/**
 * Parses the URL of a proxy.
 *
 * For `http` and `https` the client uses CONNECT; with `https` it does TLS with the proxy first. `socks5` and `socks5h` mean the
 * same: the proxy always looks up names, so the client's own name server does not learn the target.
 *
 * @param url Such as "http://user:password@proxy.example:8080"; user and password are percent-encoded.
 * @throws {TypeError} It is not a URL, has another scheme, no host, port 0, a path, a query or a fragment; the credentials are
 * not percent-encoded UTF-8. The message contains nothing of the URL, which may hold a password.
 */
export function parseProxy(url: string | { readonly href: string }): Proxy {
  const text = typeof url === "string" ? url : url.href;
  const parsed = tryParse(text);
  const known = schemes[parsed.protocol];
  if (known === undefined) {
    throw new TypeError("Scheme of a proxy's URL must be http, https, socks5 or socks5h");
  }
  if (parsed.hostname === "") {
    throw new TypeError("A proxy's URL names its host behind two slashes");
  }
  if (!/^\/?$/.test(parsed.pathname) || /[?#]/.test(text)) {
    throw new TypeError("A proxy's URL has no path, no query and no fragment");
  }
  if (parsed.port === "0") throw new TypeError("Nobody can be reached at port 0");
  const [kind, isSecure, port] = known;
  // `URL` normalizes the host only for schemes that it knows. So the scheme is replaced by http.
  const { hostname } = tryParse(text.replace(/^[^:]*:/, "http:"));
  return {
    kind,
    isSecure,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: parsed.port === "" ? port : Number(parsed.port),
    credentials: credentialsOf(parsed, "a proxy's"),
  };
}

/** Parses a URL. The runtime's own error would contain the URL, so another one is thrown. */
function tryParse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new TypeError("Proxy is no URL, such as http://proxy.example:8080");
  }
}

/**
 * Makes the tunnel that asks `proxy` for a connection to `target`.
 *
 * @throws {TypeError} The target or the credentials may not be sent to this kind of proxy.
 */
export function tunnelThrough(
  { kind, credentials }: Pick<Proxy, "kind" | "credentials">,
  target: ProxyTarget,
): Tunnel {
  return kind === "socks5" ? socksTunnel(target, credentials) : connectTunnel(target, credentials);
}

/**
 * Makes a function that connects through `proxy`, from the runtime's function that connects.
 *
 * If connecting to the proxy fails, the error is also `PROXY_FAILED`, with that failure as its cause. So a missing proxy does not
 * look like a missing server.
 *
 * @param tls Options for TLS with the proxy itself, if its URL is https. Default: the runtime's own.
 * @returns The function. It throws the errors of `connect`; a {@link TransportError} `PROXY_FAILED`, with a `ProxyError` as its
 * cause if the proxy refused; a TypeError if a proxy cannot reach the target.
 */
export function connectThrough(connect: Connect, proxy: Proxy, tls: TlsOptions = {}): Connect {
  return async <Result>(
    options: ConnectOptions,
    attach: (transport: Transport) => Result,
  ): Promise<Result> => {
    if (options.path !== undefined) throw new TypeError("No proxy leads to a Unix socket");
    const tunnel = tunnelThrough(proxy, options);
    let isReached = false;
    const way: ConnectOptions = {
      hostname: proxy.hostname,
      port: proxy.port,
      tunnelTls: proxy.isSecure ? tls : undefined,
      tunnel: (stream) => {
        isReached = true;
        return tunnel(stream);
      },
      // The certificate must be valid for the target, not for the proxy.
      tls: options.tls && {
        ...options.tls,
        serverName: options.tls.serverName ?? options.hostname,
      },
      noDelay: options.noDelay,
      keepAlive: options.keepAlive,
      signal: options.signal,
    };
    try {
      return await connect(way, attach);
    } catch (cause) {
      if (isReached || !(cause instanceof TransportError)) throw cause;
      throw new TransportError("PROXY_FAILED", { cause });
    }
  };
}
