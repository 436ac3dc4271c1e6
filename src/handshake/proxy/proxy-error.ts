/**
 * How a proxy fails: what it said, as the cause of a TransportError.
 *
 * @module
 */

import { type HeaderPairs, TransportError } from "../../errors.ts";
import type { Tunnel } from "../../transport.ts";

/** What a {@link ProxyError} tells of the proxy's answer. */
export interface ProxyErrorOptions {
  /** HTTP status, or the code of a SOCKS reply. Default: 0, there is none. */
  readonly status?: number;
  /** Headers of the answer, in the order of the wire. Default: none. */
  readonly headers?: HeaderPairs;
}

/** A proxy did not open the way: the cause of a {@link TransportError} `PROXY_FAILED`. It never names credentials. */
export class ProxyError extends Error {
  /** The class's own name. */
  override readonly name = "ProxyError";
  /**
   * The HTTP status of its answer, such as 407 where it wants credentials, or other ones; of a SOCKS proxy the code of
   * its reply, 1 to 255. 0 where there is none.
   */
  readonly status: number;
  /** Headers of the answer, in the order of the wire, such as Proxy-Authenticate. */
  readonly headers: HeaderPairs;

  /**
   * Makes the error.
   *
   * @param message For people; without credentials.
   * @param options What the answer said.
   */
  constructor(message: string, { status = 0, headers = [] }: ProxyErrorOptions = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Makes a tunnel whose every failure, also of the stream, is a {@link TransportError} `PROXY_FAILED`. */
export function proxyTunnel(ask: Tunnel): Tunnel {
  return async (stream) => {
    try {
      await ask(stream);
    } catch (cause) {
      throw new TransportError("PROXY_FAILED", { cause });
    }
  };
}
