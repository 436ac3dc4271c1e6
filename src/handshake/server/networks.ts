/**
 * Sets of IP addresses: single addresses, and networks in CIDR notation (RFC 4632, 3.1; RFC 4291, 2.3).
 *
 * @module
 */

import { parseAddress, unmapped } from "../../ip-address.ts";

/** The name for the peer of a Unix socket, which has no address. */
const unixName = "unix";

/** The addresses with a common prefix. */
interface Network {
  /** The address, as 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Tells whether a text may be an element of a list of networks. */
export function isNetwork(text: unknown): boolean {
  return typeof text === "string" && (text === unixName || parseNetwork(text) !== undefined);
}

/**
 * A set of addresses. An IPv4 address in the form of IPv6 (`::ffff:192.0.2.1`) is the same as the IPv4 address, in the list and
 * in the address to look for.
 *
 * @example
 * new Networks(["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]).has("10.1.2.3") // true
 */
export class Networks {
  readonly #networks: readonly Network[];
  readonly #hasUnix: boolean;

  /**
   * @param texts Addresses, networks such as "10.0.0.0/8", and "unix" for the peers of a Unix socket.
   * @throws {TypeError} An element is none of these.
   */
  constructor(texts: readonly string[]) {
    this.#hasUnix = texts.includes(unixName);
    this.#networks = texts.filter((text) => text !== unixName).map(toNetwork);
  }

  /** Tells whether an address is in the set. @param address undefined stands for the peer of a Unix socket. */
  has(address: string | undefined): boolean {
    if (address === undefined) return this.#hasUnix;
    // The zone of a link-local address names an interface of this machine, and is not part of the address.
    const [bare] = address.split("%", 1) as [string];
    const bytes = parseAddress(bare);
    if (bytes === undefined) return false;
    const plain = unmapped(bytes);
    return this.#networks.some((network) => contains(network, plain));
  }
}

function toNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network !== undefined) return network;
  throw new TypeError(`Neither an IP address nor a network such as "10.0.0.0/8": ${text}`);
}

/** Reads an address or a network; gives undefined if it is malformed, or a bit after the prefix is set. */
function parseNetwork(text: string): Network | undefined {
  const [address, prefix, ...more] = text.split("/") as [string, string?, ...string[]];
  const written = parseAddress(address);
  if (written === undefined || more.length > 0) return undefined;
  const bytes = unmapped(written);
  if (prefix === undefined) return { bytes, bits: 8 * bytes.length };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  // ::ffff:10.0.0.0/104 covers 96 bits of the prefix and 8 bits of the IPv4 address.
  const bits = Number(prefix) - 8 * (written.length - bytes.length);
  if (bits < 0 || bits > 8 * bytes.length) return undefined;
  const network = { bytes, bits };
  // "10.0.0.1/8" might mean 10.0.0.1 alone. Trust must not depend on a guess, so it is refused.
  return hasBitsBehind(network) ? undefined : network;
}

function hasBitsBehind({ bytes, bits }: Network): boolean {
  return bytes.some((byte, index) => (byte & ~maskOf(bits - 8 * index)) !== 0);
}

function contains({ bytes, bits }: Network, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false;
  return bytes.every((byte, index) => (address[index]! & maskOf(bits - 8 * index)) === byte);
}

/** Gives the mask of one byte, for this number of leading bits. */
function maskOf(bits: number): number {
  if (bits >= 8) return 0xff;
  return bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}
