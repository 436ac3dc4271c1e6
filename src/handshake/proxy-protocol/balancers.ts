/**
 * The option that names the balancers which must send the PROXY protocol.
 *
 * @module
 */

import type { Kind } from "../../check-options.ts";
import { isNetwork, Networks } from "../server/networks.ts";

/** The kind of the option. */
export const balancersKind: Kind = {
  expected: 'true, false, or a list of addresses such as ["10.0.0.0/8", "::1"]',
  is: (value) => typeof value === "boolean" || (Array.isArray(value) && value.every(isNetwork)),
  instead: (value) => (isNetwork(value) ? JSON.stringify([value]) : undefined),
};

/** The options of a server that matter here. */
export interface BalancerOptions {
  readonly proxyProtocol?: boolean | readonly string[] | undefined;
  readonly server?: unknown;
}

/**
 * Gives the function that tells whether the other end of a socket must send the PROXY protocol.
 *
 * @throws {TypeError} The server's kind of listener does not support the protocol.
 */
export function balancersOf({
  proxyProtocol = false,
  server,
}: BalancerOptions): (address: string | undefined) => boolean {
  if (proxyProtocol === false) return () => false;
  if (server !== undefined) {
    throw new TypeError(
      "proxyProtocol does not go with server, which reads the connections itself: listen on a port, a path, or a listener",
    );
  }
  if (proxyProtocol === true) return () => true;
  const networks = new Networks(proxyProtocol);
  return (address) => networks.has(address);
}
