/**
 * CRC-32C, the checksum of the PROXY protocol (RFC 9260, Appendix A; proxy-protocol.txt, 2.2.3).
 *
 * @module
 */

/** Castagnoli's polynomial, with its bits reversed. */
const polynomial = 0x82f63b78;

/**
 * Gives the CRC-32C of some bytes, as an unsigned number.
 *
 * It works bit by bit, without a table, because a header has only some hundred bytes, and a connection has only one header.
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (-(crc & 1) & polynomial);
  }
  return ~crc >>> 0;
}
