/**
 * Which balancers have to speak the PROXY protocol, as an option has it.
 *
 * @module
 */

import type { Kind } from "../../check-options.ts";
import { isNetwork, Networks } from "../server/networks.ts";

/** What the option may be. */
export const balancersKind: Kind = {
  expected: 'true, false, or a list of addresses such as ["10.0.0.0/8", "::1"]',
  is: (value) => typeof value === "boolean" || (Array.isArray(value) && value.every(isNetwork)),
  instead: (value) => (isNetwork(value) ? JSON.stringify([value]) : undefined),
};

/** What is looked at of a server's options. */
export interface BalancerOptions {
  readonly proxyProtocol?: boolean | readonly string[] | undefined;
  readonly server?: unknown;
}

/**
 * Makes the question whether who is at a socket has to speak the protocol.
 *
 * @throws {TypeError} It cannot be spoken where the server listens.
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
