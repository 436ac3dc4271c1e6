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

/** How a proxy is asked. */
export type ProxyKind = "connect" | "socks5";

/** A proxy, as its URL names it. */
export interface Proxy {
  /** How it is asked for the way. */
  readonly kind: ProxyKind;
  /** Whether TLS is done with the proxy itself. */
  readonly isSecure: boolean;
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** What stood in front of the host; undefined where nothing did. */
  readonly credentials: Credentials | undefined;
}

/** What a scheme says, with its port where the URL names none. */
const schemes: Readonly<Record<string, readonly [ProxyKind, isSecure: boolean, port: number]>> = {
  "http:": ["connect", false, 80],
  "https:": ["connect", true, 443],
  "socks5:": ["socks5", false, 1080],
  "socks5h:": ["socks5", false, 1080],
};

/**
 * Takes the URL of a proxy apart.
 *
 * `http` and `https` are asked by CONNECT; `https` does TLS with the proxy first. `socks5` and `socks5h` are the same:
 * names are always looked up by the proxy, so that nothing of the way shows at the client's own name server.
 *
 * @param url Such as "http://user:password@proxy.example:8080"; user and password are percent-encoded.
 * @throws {TypeError} No URL; another scheme; no host; port 0; a path, a query or a fragment; credentials that are not
 * percent-encoded UTF-8. Nothing of the URL stands in the message, since it may hold a password.
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
  // URL normalizes a host only where it knows the scheme, so the scheme is replaced by http.
  const { hostname } = tryParse(text.replace(/^[^:]*:/, "http:"));
  return {
    kind,
    isSecure,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: parsed.port === "" ? port : Number(parsed.port),
    credentials: credentialsOf(parsed, "a proxy's"),
  };
}

/** A URL, or an error that does not repeat it, as the runtime's own does. */
function tryParse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new TypeError("Proxy is no URL, such as http://proxy.example:8080");
  }
}

/**
 * Makes the tunnel that asks `proxy` for the way to `target`.
 *
 * @throws {TypeError} The target or the credentials may not be sent to such a proxy.
 */
export function tunnelThrough(
  { kind, credentials }: Pick<Proxy, "kind" | "credentials">,
  target: ProxyTarget,
): Tunnel {
  return kind === "socks5" ? socksTunnel(target, credentials) : connectTunnel(target, credentials);
}

/**
 * Makes of a runtime's way to connect one that leads through `proxy`.
 *
 * What fails before the proxy is asked fails as `PROXY_FAILED` too, with the failure as its cause: nobody takes a proxy
 * that is not there for a server that is not.
 *
 * @param tls Options of the TLS with the proxy itself, where its URL says https. Default: the runtime's own.
 * @returns It throws what `connect` throws, {@link TransportError} `PROXY_FAILED` with a `ProxyError` as its cause where
 * the proxy said no, and TypeError where the target cannot be reached by a proxy.
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
      // The certificate has to be for the target, not for the proxy that is connected to.
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
