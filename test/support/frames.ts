import { Buffer } from "node:buffer";
import { concat, encodeUtf8 } from "../../src/bytes.ts";

/** What a frame may have beside its opcode and its payload; left out: final, RSV bits 0, not masked, shortest length. */
export interface FrameShape {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly masked?: boolean;
  /** The key's bytes as they stand on the wire. */
  readonly key?: readonly number[];
  /** Bytes of the extended length. */
  readonly lengthForm?: 0 | 2 | 8;
  /** The length that the header declares, where it is not the payload's. */
  readonly length?: number | bigint;
}

/** The key of the examples in RFC 6455, 5.7. */
export const exampleMask: readonly number[] = [0x37, 0xfa, 0x21, 0x3d];

/** Bytes from hexadecimal digits; blanks are skipped. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/gi) ?? [], (byte) => parseInt(byte, 16));
}

/** Hexadecimal digits of bytes; there must be as many. */
export function toHex(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  if (end > bytes.length) throw new RangeError(`There are ${bytes.length} bytes: ${end}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex", start, end);
}

/** Bytes that tell their place: 0, 1, ... 250, 0, 1, ... */
export function counted(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = at % 251;
  return bytes;
}

/** "j = i MOD 4; transformed-octet-i = original-octet-i XOR masking-key-octet-j" (RFC 6455, 5.3) */
export function naiveMask(payload: Uint8Array, key: readonly number[], offset = 0): Uint8Array {
  const masked = new Uint8Array(payload.length);
  for (let i = 0; i < payload.length; i++) masked[i] = payload[i]! ^ key[(i + offset) % 4]!;
  return masked;
}

/** A key's bytes as the int32 that a header holds. */
export function maskKeyOf(key: readonly number[]): number {
  return new DataView(Uint8Array.from(key).buffer).getInt32(0, true);
}

/** The bytes of a frame, put together naively: a twin of the library's encoder, which it does not use. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = "",
  shape: FrameShape = {},
): Uint8Array {
  const { fin = true, rsv = 0, masked = false, key = exampleMask } = shape;
  const body = typeof payload === "string" ? encodeUtf8(payload) : payload;
  const length = BigInt(shape.length ?? body.length);
  const form = shape.lengthForm ?? (length < 126n ? 0 : length < 65536n ? 2 : 8);
  const header = new DataView(new ArrayBuffer(2 + form));
  header.setUint8(0, (fin ? 128 : 0) + rsv * 16 + opcode);
  const short = form === 0 ? Number(length) : form === 2 ? 126 : 127;
  header.setUint8(1, (masked ? 128 : 0) + short);
  if (form === 2) header.setUint16(2, Number(length));
  if (form === 8) header.setBigUint64(2, length);
  const head = new Uint8Array(header.buffer);
  return masked ? concat([head, Uint8Array.from(key), naiveMask(body, key)]) : concat([head, body]);
}

export function continuation(payload?: string | Uint8Array, shape?: FrameShape): Uint8Array {
  return frame(0x0, payload, shape);
}

export function text(payload?: string | Uint8Array, shape?: FrameShape): Uint8Array {
  return frame(0x1, payload, shape);
}

export function binary(payload?: string | Uint8Array, shape?: FrameShape): Uint8Array {
  return frame(0x2, payload, shape);
}

export function ping(payload?: string | Uint8Array, shape?: FrameShape): Uint8Array {
  return frame(0x9, payload, shape);
}

export function pong(payload?: string | Uint8Array, shape?: FrameShape): Uint8Array {
  return frame(0xa, payload, shape);
}

/** A close frame; status 0 makes an empty one. */
export function close(status = 0, reason = "", shape?: FrameShape): Uint8Array {
  const body = [Uint8Array.of(status >> 8, status & 0xff), encodeUtf8(reason)];
  return frame(0x8, status === 0 ? "" : concat(body), shape);
}

/** What plain JavaScript may give in the place of a masking key, and how it is refused. */
export const wrongKeys: readonly (readonly [key: unknown, error: new () => Error])[] = [
  [undefined, TypeError],
  [null, TypeError],
  ["1", TypeError],
  [[1, 2, 3, 4], TypeError],
  [NaN, RangeError],
  [Infinity, RangeError],
  [1.5, RangeError],
  [0x1_0000_0000, RangeError],
  [-0x8000_0001, RangeError],
];
