/**
 * Chooses the proxy by the variables of the environment that curl also reads.
 *
 * @module
 */

import { parseAddress } from "../../ip-address.ts";

/** The facts on which the choice depends. */
export interface ProxyDestination {
  /** Whether the client uses TLS. */
  readonly isSecure: boolean;
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
}

/** Gives a variable of the environment; undefined if it is not set. */
export type Environment = (name: string) => string | undefined;

/*
 * HTTP_PROXY in upper case is not read. In a CGI program it contains the Proxy header of a request, so any client could choose
 * the proxy (httpoxy, CVE-2016-5385). The other names cannot come from a header.
 */
const plainNames = ["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"];
const secureNames = [
  "wss_proxy",
  "WSS_PROXY",
  "https_proxy",
  "HTTPS_PROXY",
  "all_proxy",
  "ALL_PROXY",
];

/**
 * Chooses the proxy for a destination.
 *
 * For ws it is the first variable that is set and not empty of `ws_proxy`, `WS_PROXY`, `http_proxy`, `all_proxy`, `ALL_PROXY`;
 * for wss of `wss_proxy`, `WSS_PROXY`, `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY`. A proxy without a scheme is an
 * HTTP proxy.
 *
 * No proxy is used for destinations in the list `no_proxy`, or `NO_PROXY` if that is not set. Commas or blanks separate its
 * elements: `*` for all destinations; a name for itself and all names below it, with or without `.` or `*.` in front; an address;
 * a range such as `10.0.0.0/8`. A name or an address may have a port; IPv6 then needs brackets.
 *
 * @returns The URL of the proxy; undefined if there is none.
 */
export function proxyFor(
  destination: ProxyDestination,
  environment: Environment,
): string | undefined {
  const url = first(destination.isSecure ? secureNames : plainNames, environment);
  if (url === undefined) return undefined;
  const exceptions = first(["no_proxy", "NO_PROXY"], environment) ?? "";
  if (exceptions.split(/[\s,]+/).some((pattern) => covers(pattern, destination))) return undefined;
  return url.includes("://") ? url : `http://${url}`;
}

function first(names: readonly string[], environment: Environment): string | undefined {
  for (const name of names) {
    const value = environment(name)?.trim();
    if (value) return value;
  }
  return undefined;
}

/** Tells whether an element of the list includes a destination. */
function covers(pattern: string, { hostname, port }: ProxyDestination): boolean {
  if (pattern === "*") return true;
  const host = parseAddress(hostname);
  if (pattern.includes("/")) return host !== undefined && isInRange(host, pattern);
  const [, name, portText] = /^(\[.*\]|[^:]*):(\d+)$/.exec(pattern) ?? ["", pattern];
  if (portText !== undefined && Number(portText) !== port) return false;
  const address = parseAddress(name!.replace(/^\[(.*)\]$/, "$1"));
  if (host !== undefined) return address !== undefined && `${address}` === `${host}`;
  return isBelow(hostname, name!);
}

/** Tells whether an address is in a range such as 10.0.0.0/8 or fd00::/8. */
function isInRange(host: Uint8Array, range: string): boolean {
  const [, text, bitsText] = /^(.*)\/(\d{1,3})$/.exec(range) ?? ["", ""];
  const address = parseAddress(text!);
  const bits = Number(bitsText);
  if (address?.length !== host.length || !(bits <= 8 * host.length)) return false;
  return host.every((byte, index) => {
    const mask = 0xff00 >> Math.min(Math.max(bits - 8 * index, 0), 8);
    return ((byte ^ address[index]) & mask & 0xff) === 0;
  });
}

/** Tells whether a name is `domain`, or ends with `domain` after a dot. */
function isBelow(hostname: string, domain: string): boolean {
  const name = withoutDot(hostname);
  const suffix = withoutDot(domain.replace(/^\*?\./, ""));
  return name === suffix || name.endsWith(`.${suffix}`);
}

/** Gives a name in the form in which it is compared: in lower case, without a dot at its end. */
function withoutDot(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
