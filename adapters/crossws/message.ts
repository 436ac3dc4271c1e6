/**
 * A message with the interface of `crossws`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { Message, Peer } from "./types.ts";

/** A message. Each form of it is made when it is first asked for, and kept. */
export class HookMessage implements Message {
  readonly rawData: string | Uint8Array;
  readonly peer: Peer;
  readonly event: undefined;
  #id: string | undefined;
  #bytes: Uint8Array | undefined;
  #text: string | undefined;

  constructor(rawData: string | Uint8Array, peer: Peer) {
    this.rawData = rawData;
    this.peer = peer;
  }

  get id(): string {
    return (this.#id ??= randomUUID());
  }

  get data(): unknown {
    switch (this.peer.websocket.binaryType) {
      case "nodebuffer":
        return this.#buffer();
      case "uint8array":
        return this.uint8Array();
      case "arraybuffer":
        return this.arrayBuffer();
      case "blob":
        return this.blob();
      case "text":
        return this.text();
      default:
        return this.rawData;
    }
  }

  uint8Array(): Uint8Array {
    const { rawData } = this;
    return typeof rawData === "string" ? (this.#bytes ??= Buffer.from(rawData)) : rawData;
  }

  arrayBuffer(): ArrayBufferLike {
    const bytes = this.uint8Array();
    const isWhole = bytes.byteLength === bytes.buffer.byteLength;
    return isWhole ? bytes.buffer : new Uint8Array(bytes).buffer;
  }

  blob(): Blob {
    return new Blob([this.uint8Array() as Uint8Array<ArrayBuffer>]);
  }

  text(): string {
    const { rawData } = this;
    return typeof rawData === "string" ? rawData : (this.#text ??= this.#buffer().toString());
  }

  json<Value = unknown>(): Value {
    return JSON.parse(this.text()) as Value;
  }

  toString(): string {
    return this.text();
  }

  [Symbol.toPrimitive](): string {
    return this.text();
  }

  #buffer(): Buffer {
    const bytes = this.uint8Array();
    if (Buffer.isBuffer(bytes)) return bytes;
    return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
  }
}
