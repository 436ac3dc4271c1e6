/**
 * Converts data: to bytes for sending, and from bytes to the form that the application wants.
 *
 * @module
 */

import { Buffer, isUtf8 } from "node:buffer";
import { copy } from "../../src/bytes.ts";
import type { TextCodec } from "../../src/frame/text-codec.ts";
import { isBlob } from "../blob.ts";
import { chunkOffset, memoryOf } from "../node/own-chunk.ts";
import type { BinaryType, RawData } from "./types.ts";

/** An empty Buffer, shared by everything that needs one. */
export const noBuffer: Buffer = /* @__PURE__ */ Buffer.alloc(0);

/** Gives bytes as a Buffer, without a copy. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}

/** The class of all Buffers: its constructor costs a third of `Buffer.from`, which asks first what it is given. */
const BufferOf = Buffer[Symbol.species as never] as new (
  memory: ArrayBuffer,
  offset: number,
  length: number,
) => Buffer;

let made = 0;

/** Gives the number of Buffers that {@link newBuffer} has made. */
export function buffersMade(): number {
  return made;
}

/**
 * A text of a chunk with memory of its own that was checked, the chunk, and where the text begins in it. As a rule it is the next
 * to be made; where its message is dropped, another chunk comes.
 */
let checked: Buffer | undefined;
let checkedChunk: Uint8Array | undefined;
let checkedStart = 0;

/** Makes the bytes of a message as a Buffer, for the core's option `newBytes`. */
export function newBuffer(
  source: Uint8Array,
  start: number,
  end: number,
  isOwned: boolean,
): Buffer {
  made++;
  if (isOwned) {
    return new BufferOf(source.buffer as ArrayBuffer, source.byteOffset + start, end - start);
  }
  const memory = memoryOf(source);
  if (memory !== undefined) {
    const text = checked;
    checked = undefined;
    const isOfChunk = text !== undefined && checkedChunk === source;
    if (isOfChunk && checkedStart === start && text.length === end - start) return text;
    return new BufferOf(memory, chunkOffset() + start, end - start);
  }
  const buffer = Buffer.allocUnsafe(end - start);
  copy(buffer, 0, source, start, end);
  return buffer;
}

/** Gives a codec that checks a text in the Buffer which {@link newBuffer} then gives, where there need be no other. */
export function checkingCodec(codec: TextCodec): TextCodec {
  if (codec.isUtf8 === undefined) return codec;
  return {
    ...codec,
    isUtf8(bytes, start, end) {
      const memory = memoryOf(bytes);
      if (memory === undefined) return codec.isUtf8!(bytes, start, end);
      const text = new BufferOf(memory, chunkOffset() + start, end - start);
      checked = isUtf8(text) ? text : undefined;
      checkedChunk = bytes;
      checkedStart = start;
      return checked !== undefined;
    },
  };
}

/**
 * Gives the bytes of data to send, without a copy.
 *
 * @throws {TypeError} `Buffer.from` does not take the data.
 */
export function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (typeof data === "number") return Buffer.from(String(data));
  return Buffer.from(data as string);
}

/** Gives the number of bytes of data; data without a size counts 0. */
export function sizeOf(data: unknown): number {
  if (data === undefined || data === null || data === "") return 0;
  if (isBlob(data)) return data.size;
  return typeof data === "string" ? Buffer.byteLength(data) : bytesOf(data).length;
}

/** Gives a binary message in the form that `binaryType` asks for. */
export function asBinaryType(type: BinaryType, bytes: Uint8Array): RawData {
  switch (type) {
    case "nodebuffer":
      return Buffer.isBuffer(bytes) ? bytes : toBuffer(bytes);
    case "fragments":
      return [toBuffer(bytes)];
    case "arraybuffer":
      return bytes.byteLength === bytes.buffer.byteLength
        ? (bytes.buffer as ArrayBuffer)
        : new Uint8Array(bytes).buffer;
    case "blob":
      return new Blob([bytes as Uint8Array<ArrayBuffer>]) as unknown as RawData;
  }
}

/** The values of `binaryType`. */
export const binaryTypes: readonly string[] = ["nodebuffer", "arraybuffer", "fragments", "blob"];
