/**
 * IP addresses as bytes (RFC 4291, 2.2).
 *
 * @module
 */

const decimal = /^(?:0|[1-9]\d{0,2})$/;
const hexadecimal = /^[\da-f]{1,4}$/i;

/**
 * Reads an address.
 *
 * @param text Four decimal numbers, or IPv6 without brackets and without a zone.
 * @returns 4 or 16 bytes; undefined where it is none, such as a name.
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
  // "::" stands for as many groups of zeros as are missing, and stands there once.
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

/** Reads groups of 16 bits; the last two of an address may be written as those of IPv4. */
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
