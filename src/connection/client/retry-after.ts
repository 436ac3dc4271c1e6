/**
 * Reads how long a server asks a client to wait (RFC 9110, 10.2.3).
 *
 * @module
 */

import type { HeaderPairs } from "../../errors.ts";

/** A date in the form of HTTP (RFC 9110, 5.6.7). `Date.parse` alone accepts many other forms. */
const httpDate = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Reads Retry-After (RFC 9110, 10.2.3).
 *
 * A date is compared with the response's own Date header, so that wrong clocks do not matter.
 *
 * @returns Milliseconds; 0 if the header is absent or malformed.
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
