/**
 * IP addresses as bytes and as text (RFC 4291, 2.2; RFC 5952).
 *
 * @module
 */

const decimal = /^(?:0|[1-9]\d{0,2})$/;
const hexadecimal = /^[\da-f]{1,4}$/i;

/**
 * Parses an address.
 *
 * @param text Four decimal numbers, or IPv6 without brackets and without a zone.
 * @returns 4 or 16 bytes; undefined if `text` is no address, such as a name.
 */
export function parseAddress(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => decimal.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  // "::" stands for the missing groups, all zeros, and may occur only once.
  const halves = text.split("::");
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (halves.length > 2 || head === undefined) return undefined;
  const bytes = new Uint8Array(16);
  if (halves.length === 1) {
    if (head.length !== 16) return undefined;
    bytes.set(head);
    return bytes;
  }
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Parses groups of 16 bits; the last two of an address may have the form of IPv4. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    const last = isLast && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (last === undefined && !hexadecimal.test(group)) return undefined;
    const value = parseInt(group, 16);
    bytes.push(...(last ?? [value >> 8, value & 0xff]));
  }
  return bytes;
}

/** The first bytes of an IPv6 address that stands for an IPv4 address (RFC 4291, 2.5.5.2). */
const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Gives the 4 bytes of an IPv4 address in the form of IPv6, and any other address unchanged. */
export function unmapped(bytes: Uint8Array): Uint8Array {
  const isMapped = bytes.length === 16 && mapped.every((byte, index) => bytes[index] === byte);
  return isMapped ? bytes.subarray(12) : bytes;
}

/**
 * Writes an address in its canonical form (RFC 5952, 4): lower-case, the longest run of zeros as "::".
 *
 * @param bytes 4 or 16.
 */
export function writeAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16),
  );
  const { start, length } = longestZeros(groups);
  // "The symbol '::' MUST NOT be used to shorten just one 16-bit 0 field" (RFC 5952, 4.2.2)
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

/** Finds the longest run of zeros; of several equally long ones, the first. */
function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= groups.length; at++) {
    if (groups[at] === "0") continue;
    if (at - start > longest.length) longest = { start, length: at - start };
    start = at + 1;
  }
  return longest;
}

/**
 * Gives a socket's address in the form for applications. A socket that listens on both families writes the IPv4 address 192.0.2.1
 * as "::ffff:192.0.2.1": such an address is given as IPv4, any other unchanged.
 */
export function socketAddress(address: string | undefined): string | undefined {
  // Few addresses begin so; others need no more work.
  if (address === undefined || !address.startsWith("::ffff:")) return address;
  const bytes = parseAddress(address);
  return bytes === undefined ? address : writeAddress(unmapped(bytes));
}
