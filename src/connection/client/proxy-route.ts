/**
 * The way to a server: straight, or through a proxy.
 *
 * @module
 */

import { parseProxy, connectThrough } from "../../handshake/proxy/proxy.ts";
import { proxyFor } from "../../handshake/proxy/proxy-environment.ts";
import type { Connect, ConnectOptions, TlsOptions } from "../../transport.ts";
import type { RuntimeServices } from "../runtime-services.ts";

/** What a caller says of proxies. */
export interface ProxyOptions {
  /**
   * Proxy to go through: "http://user:password@host:port" (CONNECT), "https://..." or "socks5://..."; "environment" for
   * what `https_proxy`, `all_proxy`, `no_proxy` and their like say. Default: none.
   */
  readonly proxy?: string | undefined;
  /** TLS with a proxy that is reached by https. */
  readonly proxyTls?: TlsOptions | undefined;
}

/**
 * Gives what connects to `to`.
 *
 * @throws {TypeError} The proxy's URL is wrong.
 */
export function proxyRouteTo(
  to: ConnectOptions,
  connect: Connect,
  { proxy, proxyTls }: ProxyOptions,
  { environment = () => undefined }: RuntimeServices,
): Connect {
  const { hostname, port, tls, path } = to;
  const url =
    proxy !== "environment"
      ? proxy
      : path === undefined
        ? proxyFor({ isSecure: tls !== undefined, hostname, port }, environment)
        : undefined;
  return url === undefined ? connect : connectThrough(connect, parseProxy(url), proxyTls);
}
