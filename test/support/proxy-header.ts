import { concat, encodeUtf8 } from "../../src/bytes.ts";
import { crc32c } from "../../src/handshake/proxy-protocol/crc32c.ts";

/** Writes headers of the PROXY protocol, version 2, as a balancer would. */

const signature = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10);

/** A number in two bytes. */
function uint16(value: number): number[] {
  return [value >> 8, value & 255];
}

/** A field: its type, the length of its value, its value. */
export function field(type: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? encodeUtf8(value) : value;
  return concat([Uint8Array.of(type, ...uint16(bytes.length)), bytes]);
}

/** What a header is made of; by default of a connection from 192.0.2.7, port 4711, to 198.51.100.1, port 443. */
export interface HeaderParts {
  readonly versionAndCommand?: number;
  readonly family?: number;
  readonly addresses?: Uint8Array;
  readonly fields?: readonly Uint8Array[];
  /** What the header says of its length. */
  readonly size?: number;
}

const addresses4 = Uint8Array.of(192, 0, 2, 7, 198, 51, 100, 1, ...uint16(4711), ...uint16(443));

export function binaryHeader(parts: HeaderParts = {}): Uint8Array {
  const { versionAndCommand = 0x21, family = 0x11, addresses = addresses4, fields = [] } = parts;
  const rest = concat([addresses, ...fields]);
  const size = parts.size ?? rest.length;
  return concat([signature, Uint8Array.of(versionAndCommand, family, ...uint16(size)), rest]);
}

/** A header whose last field is the checksum of all of it. */
export function summedHeader(parts: HeaderParts = {}): Uint8Array {
  const fields = [...(parts.fields ?? []), field(3, new Uint8Array(4))];
  const header = binaryHeader({ ...parts, fields });
  new DataView(header.buffer, header.byteOffset).setUint32(header.length - 4, crc32c(header));
  return header;
}
