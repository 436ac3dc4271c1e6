import { Buffer } from "node:buffer";

/** Memory of one kind that a caller owns, and uses again at once. */
export interface Memory {
  readonly name: string;
  /** Puts `content` into such memory. */
  make(content: Uint8Array): Given;
}

/** Bytes in somebody's memory. */
export interface Given {
  readonly bytes: Uint8Array;
  /** The owner uses the memory for something else. */
  spoil(): void;
}

/** Bytes in front of and behind a view that lies in the middle of its memory. */
const beside = 7;

/** An ArrayBuffer that can be resized, which not all types know. */
export function resizable(size: number): ArrayBuffer & { resize(size: number): void } {
  return new (ArrayBuffer as unknown as new (
    size: number,
    options: object,
  ) => ArrayBuffer & { resize(size: number): void })(size, { maxByteLength: size + beside });
}

function plain(bytes: Uint8Array): Given {
  return { bytes, spoil: () => void bytes.fill(0xee) };
}

/** Every kind of memory that a Uint8Array may lie in. */
export const memories: readonly Memory[] = [
  { name: "a Uint8Array", make: (content) => plain(Uint8Array.from(content)) },
  { name: "a Buffer", make: (content) => plain(Buffer.from(content)) },
  {
    name: "a view into the middle of a Buffer",
    make(content) {
      const whole = Buffer.alloc(beside + content.length + beside, 0xdd);
      whole.set(content, beside);
      return {
        bytes: whole.subarray(beside, beside + content.length),
        spoil: () => void whole.fill(0xee),
      };
    },
  },
  {
    name: "a view on a resizable ArrayBuffer",
    make(content) {
      const buffer = resizable(content.length);
      const bytes = new Uint8Array(buffer);
      bytes.set(content);
      return {
        bytes,
        spoil() {
          bytes.fill(0xee);
          buffer.resize(0);
        },
      };
    },
  },
  {
    name: "a view on a SharedArrayBuffer",
    make(content) {
      const bytes = new Uint8Array(new SharedArrayBuffer(content.length));
      bytes.set(content);
      return plain(bytes);
    },
  },
];
