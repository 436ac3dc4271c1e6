/**
 * The route to a server: direct, or through a proxy.
 *
 * @module
 */

import { parseProxy, connectThrough } from "../../handshake/proxy/proxy.ts";
import { proxyFor } from "../../handshake/proxy/proxy-environment.ts";
import type { Connect, ConnectOptions, TlsOptions } from "../../transport.ts";
import type { RuntimeServices } from "../runtime-services.ts";

/** Options about proxies. */
export interface ProxyOptions {
  /**
   * Proxy to use: "http://user:password@host:port" (CONNECT), "https://..." or "socks5://...". "environment" uses the variables
   * `https_proxy`, `all_proxy`, `no_proxy` and similar ones. Default: none.
   */
  readonly proxy?: string | undefined;
  /** Options for TLS with a proxy that has an https: URL. Default: none. */
  readonly proxyTls?: TlsOptions | undefined;
}

/**
 * Gives the function that connects to `to`.
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
