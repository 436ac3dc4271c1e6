/**
 * Which proxies a server believes, as an option has it.
 *
 * @module
 */

import { wrongType } from "../../arguments.ts";
import type { Kind } from "../../check-options.ts";
import { isNetwork, Networks } from "./networks.ts";

/**
 * Proxies that are believed. A number: so many hops in front of the server, at any address. A list: those addresses and
 * networks, such as "10.0.0.0/8" and "2001:db8::1", and "unix" for a peer that comes by a Unix socket. A function: is asked about
 * each, the nearest one first.
 *
 * The function gets the proxy's address, undefined where it has none (a Unix socket, "unknown", an obfuscated name), and how
 * many proxies lie between it and the server, 0 for the one that is connected to it.
 */
export type TrustedProxies =
  number | readonly string[] | ((address: string | undefined, hop: number) => boolean);

/** Tells whether a proxy is believed. */
export type IsTrusted = (address: string | undefined, hop: number) => boolean;

/** What the option may be. */
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

/** Makes the question of the option. @throws {TypeError} A text of a list is no address and no network. */
export function trustOf(proxies: TrustedProxies): IsTrusted {
  if (typeof proxies === "function") {
    return (address, hop) => {
      const answer: unknown = proxies(address, hop);
      // A promise would be taken for yes, whatever comes of it.
      if (typeof answer === "boolean") return answer;
      throw wrongType("What trustProxy returns", "true or false", answer);
    };
  }
  if (typeof proxies === "number") return (_, hop) => hop < proxies;
  const networks = new Networks(proxies);
  // No proxy but the one that is connected can have come by this machine's own Unix socket.
  return (address, hop) => (address !== undefined || hop === 0) && networks.has(address);
}
