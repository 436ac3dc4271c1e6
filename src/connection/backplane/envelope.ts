/**
 * The envelope: the bytes that go over a broker for each publication. It holds all that servers need to know of a message except
 * the topic, so any broker that carries bytes will do.
 *
 * | bytes    | what                                                                                               |
 * | -------- | -------------------------------------------------------------------------------------------------- |
 * | 0 and 1  | 0x46 0x57, "FW": this is an envelope                                                                 |
 * | 2        | the version, 1                                                                                     |
 * | 3        | bits 0 to 3: the opcode, 1 for text, 2 for binary; bit 4: must not be compressed; bits 5 to 7: 0   |
 * | 4 to 19  | the node that published it: 16 random bytes, drawn by each server                                  |
 * | 20 to 23 | the series, big-endian: which of the node's sequences this is; later sequences have higher numbers |
 * | 24 to 31 | the sequence number, big-endian: 1 for the first message of the series, one more for each; up to 2^53 - 1 |
 * | 32 on    | the payload: of text, valid UTF-8                                                                  |
 *
 * The envelope does not hold the topic: the broker's channel, or subject, tells it.
 *
 * @module
 */

import { checkBytes } from "../../arguments.ts";
import { copy, latin1, readUint32, viewOf, writeLatin1, writeUint32 } from "../../bytes.ts";
import { OpBinary, type Opcode, OpText } from "../../frame/opcode.ts";

/** Bytes in front of the payload. */
export const envelopeHeaderSize = 32;
/** Bytes of a node's id. */
export const nodeIdSize = 16;
/** The version that this code writes, and the only one that it reads. */
export const envelopeVersion = 1;

const magic = 0x46_57;
const opcodeBits = 0x0f;
const uncompressedBit = 0x10;
const nodeAt = 4;
const seriesAt = 20;
const sequenceAt = 24;
/** 2^32; and the lowest high word of numbers above 2^53 - 1. */
const wordSize = 0x1_0000_0000;
const highWords = 0x20_0000;

/** The fields of an envelope. */
export interface Envelope {
  /** The id of the node that published it, as 16 characters of Latin-1. */
  readonly node: string;
  /** The number of the node's sequence, 0 to 2^32 - 1. */
  readonly series: number;
  /** The message's number in that sequence, from 1 on. */
  readonly sequence: number;
  /** OpText or OpBinary. */
  readonly opcode: Opcode;
  /** Whether the message may be compressed. */
  readonly compress: boolean;
  /** The data that was published: a view on the envelope. */
  readonly payload: Uint8Array;
}

/**
 * Why bytes cannot be read as an envelope. "foreign": no envelope, or too short. "version": another version. "malformed": against
 * the rules of version 1.
 */
export type EnvelopeFault = "foreign" | "version" | "malformed";

/** Encodes an envelope into new memory. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const { node, series, sequence, opcode, compress, payload } = envelope;
  const bytes = new Uint8Array(envelopeHeaderSize + payload.length);
  bytes[0] = magic >>> 8;
  bytes[1] = magic & 0xff;
  bytes[2] = envelopeVersion;
  bytes[3] = opcode | (compress ? 0 : uncompressedBit);
  writeLatin1(bytes, nodeAt, node);
  writeUint32(bytes, seriesAt, series);
  writeUint32(bytes, sequenceAt, Math.floor(sequence / wordSize));
  writeUint32(bytes, sequenceAt + 4, sequence % wordSize);
  copy(bytes, envelopeHeaderSize, payload, 0, payload.length);
  return bytes;
}

/**
 * Decodes an envelope, or says why it cannot be read. Never throws, whatever the argument is.
 *
 * It does not check the text of a payload: {@link dataOf} does.
 */
export function decodeEnvelope(bytes: unknown): Envelope | EnvelopeFault {
  if (!isBytes(bytes) || bytes.length < 3) return "foreign";
  if (bytes[0] !== magic >>> 8 || bytes[1] !== (magic & 0xff)) return "foreign";
  if (bytes[2] !== envelopeVersion) return "version";
  if (bytes.length < envelopeHeaderSize) return "malformed";
  const opcode = bytes[3] & opcodeBits;
  if ((bytes[3] & ~(opcodeBits | uncompressedBit)) !== 0) return "malformed";
  if (opcode !== OpText && opcode !== OpBinary) return "malformed";
  const high = readUint32(bytes, sequenceAt);
  const sequence = high * wordSize + readUint32(bytes, sequenceAt + 4);
  if (high >= highWords || sequence === 0) return "malformed";
  return {
    node: latin1(bytes, nodeAt, seriesAt),
    series: readUint32(bytes, seriesAt),
    sequence,
    opcode,
    compress: (bytes[3] & uncompressedBit) === 0,
    payload: viewOf(bytes, envelopeHeaderSize, bytes.length),
  };
}

const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});

/**
 * Gives the message's data: for a binary message the payload itself.
 *
 * @returns Undefined if a text is not valid UTF-8, because a client that got it would have to fail its connection.
 */
export function dataOf({ opcode, payload }: Envelope): string | Uint8Array | undefined {
  if (opcode === OpBinary) return payload;
  try {
    return decoder.decode(payload);
  } catch {
    return undefined;
  }
}

/** Gives a node's id, which is 16 characters of Latin-1, as 32 hexadecimal digits. */
export function spellNode(node: string): string {
  let text = "";
  for (let at = 0; at < node.length; at++) {
    text += node.charCodeAt(at).toString(16).padStart(2, "0");
  }
  return text;
}

function isBytes(value: unknown): value is Uint8Array {
  try {
    checkBytes("envelope", value);
    return true;
  } catch {
    return false;
  }
}
