/**
 * The option that names the proxies which a server trusts.
 *
 * @module
 */

import { wrongType } from "../../arguments.ts";
import type { Kind } from "../../check-options.ts";
import { isNetwork, Networks } from "./networks.ts";

/**
 * The trusted proxies. A number: this many hops before the server, at any address. A list: addresses and networks, such as
 * "10.0.0.0/8" and "2001:db8::1", and "unix" for a Unix socket. A function: decides about each proxy, the nearest one first.
 *
 * The function gets the proxy's address and its hop. The address is undefined if there is none (a Unix socket, "unknown", an
 * obfuscated name). The hop is the number of proxies between it and the server: 0 for the one that is connected to the server.
 */
export type TrustedProxies =
  | number
  | readonly string[]
  | ((address: string | undefined, hop: number) => boolean);

/** Tells whether a proxy is trusted. */
export type IsTrusted = (address: string | undefined, hop: number) => boolean;

/** The kind of the option. */
export const trustedProxiesKind: Kind = {
  expected: 'a number of hops, a list of addresses such as ["10.0.0.0/8", "::1"], or a function',
  is: (value) =>
    (typeof value === "number" && Number.isInteger(value) && value >= 0) ||
    typeof value === "function" ||
    (Array.isArray(value) && value.every(isNetwork)),
  instead(value) {
    if (value === true) return "1 for one proxy in front of the server";
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const wrong = list.find((one) => !isNetwork(one));
    if (wrong === undefined) return JSON.stringify(list);
    return typeof wrong === "string"
      ? `an IP address, or a network whose bits behind the prefix are 0, in the place of ${JSON.stringify(wrong)}`
      : undefined;
  },
};

/** Makes the test for the option. @throws {TypeError} An element of a list is neither an address nor a network. */
export function trustOf(proxies: TrustedProxies): IsTrusted {
  if (typeof proxies === "function") {
    return (address, hop) => {
      const answer: unknown = proxies(address, hop);
      // A promise would count as yes, whatever its result is.
      if (typeof answer === "boolean") return answer;
      throw wrongType("What trustProxy returns", "true or false", answer);
    };
  }
  if (typeof proxies === "number") return (_, hop) => hop < proxies;
  const networks = new Networks(proxies);
  // Only the proxy that is connected here can use this machine's Unix socket.
  return (address, hop) => (address !== undefined || hop === 0) && networks.has(address);
}
