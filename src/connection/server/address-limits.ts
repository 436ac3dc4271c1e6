/**
 * The limits of one address, as a server's options.
 *
 * @module
 */

import { checkBetween } from "../../arguments.ts";
import { either, number, oneOf, optionsOf, type OptionTable } from "../../check-options.ts";
import { resolveLimits } from "../../endpoint/limits.ts";
import type { Rate } from "./token-bucket.ts";

/** How often something may happen for one address. */
export interface RateLimit {
  /** Times a second, above 0, such as 0.5 for once in two seconds. */
  readonly perSecond: number;
  /** Times at once, at least 1. Default: `perSecond`, rounded up. */
  readonly burst?: number | undefined;
}

/** How many messages may come from one address. */
export interface MessageRateLimit extends RateLimit {
  /**
   * What happens to messages beyond the limit. "wait": framewire stops reading from the peer until the limit allows more; no
   * message is lost. "close": the connection is closed with 1008. Default: "wait".
   */
  readonly excess?: "wait" | "close" | undefined;
}

/**
 * Options of a server about each client address, `peer.address`. A client without an address, as over a Unix socket, is not
 * counted.
 */
export interface AddressOptions {
  /**
   * Most connections of one address, open or in their handshake. Further ones are refused with 429. 0 or Infinity: no limit.
   * Default: no limit.
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Handshakes of one address. A number means so many a second. Further ones are refused with 429. Default: no limit. */
  readonly handshakesPerAddress?: number | RateLimit | undefined;
  /** Messages of one address, on all its connections. A number means so many a second. Default: no limit. */
  readonly messagesPerAddress?: number | MessageRateLimit | undefined;
  /**
   * Number of leading bits that identify a peer in an IPv6 address, 1 to 128. A peer usually has a whole network of 2^64
   * addresses. Default: 64.
   */
  readonly ipv6Prefix?: number | undefined;
}

/** {@link AddressOptions} with all defaults filled in. */
export interface AddressLimits {
  readonly maxConnections: number;
  readonly handshakes: Rate | undefined;
  readonly messages: (Rate & { readonly excess: "wait" | "close" }) | undefined;
  readonly ipv6Prefix: number;
}

const rateTable: OptionTable<RateLimit> = { perSecond: number, burst: number };

export const addressTable: OptionTable<AddressOptions> =
  /* @__PURE__ */ ((): OptionTable<AddressOptions> => ({
    maxConnectionsPerAddress: number,
    handshakesPerAddress: either(number, optionsOf(rateTable)),
    messagesPerAddress: either(
      number,
      optionsOf<MessageRateLimit>({ ...rateTable, excess: oneOf("wait", "close") }),
    ),
    ipv6Prefix: number,
  }))();

/**
 * Fills in the defaults.
 *
 * @returns undefined if no limit is set.
 * @throws {RangeError} A number is out of its range.
 */
export function resolveAddressLimits(options: AddressOptions): AddressLimits | undefined {
  const { messagesPerAddress, ipv6Prefix = 64 } = options;
  const { maxConnectionsPerAddress: maxConnections } = resolveLimits<{
    readonly maxConnectionsPerAddress: number;
  }>(options, { maxConnectionsPerAddress: Infinity });
  checkBetween("ipv6Prefix", ipv6Prefix, 1, 128);
  const handshakes = rateOf("handshakesPerAddress", options.handshakesPerAddress);
  const rate = rateOf("messagesPerAddress", messagesPerAddress);
  if (maxConnections === Infinity && handshakes === undefined && rate === undefined)
    return undefined;
  const excess = typeof messagesPerAddress === "object" ? messagesPerAddress.excess : undefined;
  const messages = rate && { ...rate, excess: excess ?? "wait" };
  return { maxConnections, handshakes, messages, ipv6Prefix };
}

function rateOf(name: string, limit: number | RateLimit | undefined): Rate | undefined {
  if (typeof limit === "number") {
    if (!(limit >= 0)) throw new RangeError(`${name} must be a number from 0 on: ${limit}`);
    if (limit === 0 || limit === Infinity) return undefined;
  }
  if (limit === undefined) return undefined;
  const { perSecond, burst = Math.ceil(perSecond) } =
    typeof limit === "number" ? { perSecond: limit } : limit;
  if (!(perSecond > 0 && perSecond < Infinity)) {
    throw new RangeError(`${name}.perSecond must be a number above 0: ${perSecond}`);
  }
  checkBetween(`${name}.burst`, burst, 1, Number.MAX_SAFE_INTEGER);
  return { perSecond, burst };
}
