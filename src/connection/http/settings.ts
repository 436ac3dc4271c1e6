/**
 * What plain requests may cost.
 *
 * @module
 */

import { type PartialLimits, resolveLimits } from "../../endpoint/limits.ts";
import type { Times } from "../settings.ts";

/** Limits on plain requests. */
export interface HttpLimits {
  /** Bytes that the body of a request may have. */
  readonly maxBodySize: number;
  /** Requests that one connection may make. */
  readonly maxRequests: number;
  /** Milliseconds between two requests. */
  readonly keepAliveTimeout: number;
}

/** What all plain requests of a server share. */
export interface HttpSettings extends HttpLimits {
  /** Milliseconds that a byte of a body which moves is worth. */
  readonly lifeOfByte: number;
  /** The header lines that say that another request may come. */
  readonly keepAlive: string;
}

/** The limits in force where none are given. */
export const defaultHttpLimits: HttpLimits = {
  maxBodySize: 1024 ** 2,
  maxRequests: 1000,
  // As Node's own server has it.
  keepAliveTimeout: 5000,
};

/** Fills in defaults. @throws As {@link resolveLimits}. */
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

/** Tells a client how long it may wait with its next request. */
function keepAliveLines(timeout: number): string {
  const seconds = Math.floor(timeout / 1000);
  return timeout === Infinity
    ? "Connection: keep-alive\r\n"
    : `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`;
}
