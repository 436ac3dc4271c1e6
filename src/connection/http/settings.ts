/**
 * The limits of plain requests.
 *
 * @module
 */

import { type PartialLimits, resolveLimits } from "../../endpoint/limits.ts";
import type { Times } from "../settings.ts";

/** Limits of plain requests. */
export interface HttpLimits {
  /** Most bytes of a request's body. */
  readonly maxBodySize: number;
  /** Most requests on one connection. */
  readonly maxRequests: number;
  /** Milliseconds that a connection may be idle between two requests. */
  readonly keepAliveTimeout: number;
}

/** Settings that all plain requests of a server share. */
export interface HttpSettings extends HttpLimits {
  /** Milliseconds by which each byte of a body extends its deadline. */
  readonly lifeOfByte: number;
  /** The header lines that say that another request may follow. */
  readonly keepAlive: string;
}

/** The defaults of these limits. */
export const defaultHttpLimits: HttpLimits = {
  maxBodySize: 1024 ** 2,
  maxRequests: 1000,
  // The same value as in Node's own server.
  keepAliveTimeout: 5000,
};

/** Fills in the defaults. @throws As {@link resolveLimits}. */
export function resolveHttpSettings(
  options: PartialLimits<HttpLimits>,
  { minProgress }: Times,
): HttpSettings {
  const limits = resolveLimits<HttpLimits>(options, defaultHttpLimits);
  return {
    ...limits,
    lifeOfByte: minProgress === Infinity ? Number.MAX_VALUE : 1000 / minProgress,
    keepAlive: keepAliveLines(limits.keepAliveTimeout),
  };
}

/** Gives the header lines that tell a client how long it may wait before its next request. */
function keepAliveLines(timeout: number): string {
  const seconds = Math.floor(timeout / 1000);
  return timeout === Infinity
    ? "Connection: keep-alive\r\n"
    : `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`;
}
