/**
 * The error of a proxy, as the cause of a TransportError.
 *
 * @module
 */

import { type HeaderPairs, TransportError } from "../../errors.ts";
import type { Tunnel } from "../../transport.ts";

/** What a {@link ProxyError} says about the proxy's response. */
export interface ProxyErrorOptions {
  /** HTTP status, or the code of a SOCKS reply. Default: 0, none. */
  readonly status?: number;
  /** Headers of the response, in its order. Default: none. */
  readonly headers?: HeaderPairs;
}

/** A proxy refused or failed: the cause of a {@link TransportError} `PROXY_FAILED`. It never contains credentials. */
export class ProxyError extends Error {
  /** The class's own name. */
  override readonly name = "ProxyError";
  /**
   * The HTTP status of the response, such as 407 if the proxy wants credentials, or refuses those that it got; for a SOCKS proxy
   * the code of its reply, 1 to 255. 0 if there was no response.
   */
  readonly status: number;
  /** Headers of the response, in its order, such as Proxy-Authenticate. */
  readonly headers: HeaderPairs;

  /**
   * Makes the error.
   *
   * @param message The message. It must not contain credentials.
   * @param options The proxy's response.
   */
  constructor(message: string, { status = 0, headers = [] }: ProxyErrorOptions = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Makes a tunnel that reports every failure, also of the stream, as {@link TransportError} `PROXY_FAILED`. */
export function proxyTunnel(ask: Tunnel): Tunnel {
  return async (stream) => {
    try {
      await ask(stream);
    } catch (cause) {
      throw new TransportError("PROXY_FAILED", { cause });
    }
  };
}
