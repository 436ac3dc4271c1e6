/**
 * How long a server asks a client to wait (RFC 9110, 10.2.3).
 *
 * @module
 */

import type { HeaderPairs } from "../../errors.ts";

/** A date as HTTP has it (RFC 9110, 5.6.7); `Date.parse` alone would take much else. */
const httpDate = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Reads Retry-After (RFC 9110, 10.2.3).
 *
 * A date is measured against the response's own Date, so that nobody's clock has to be right.
 *
 * @returns Milliseconds; 0 where there is no such header, or none that makes sense.
 */
export function retryAfter(headers: HeaderPairs): number {
  const value = headerOf(headers, "retry-after");
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (!httpDate.test(value)) return 0;
  const wait = Date.parse(value) - Date.parse(headerOf(headers, "date"));
  return wait > 0 ? wait : 0;
}

function headerOf(headers: HeaderPairs, lowerName: string): string {
  return headers.find(([name]) => name.toLowerCase() === lowerName)?.[1] ?? "";
}
