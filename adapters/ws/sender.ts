/**
 * Frames that are encoded by hand: what socket.io's adapter makes once and engine.io sends to many.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { cipherRange } from "../../src/frame/cipher.ts";
import { encodeHeaderAt, headerSize, MaxHeaderSize, newHeader } from "../../src/frame/header.ts";
import { newMask } from "../../src/frame/mask.ts";
import type { Opcode } from "../../src/frame/opcode.ts";
import { bytesOf, toBuffer } from "./data.ts";
import type { SendCallback } from "./types.ts";

/** What a frame is to be. */
export interface FrameOptions {
  /** Whether its message ends with it. */
  fin?: boolean | undefined;
  /** Its opcode: 1 for text, 2 for binary. */
  opcode: number;
  /** Whether it is masked: a client's is. */
  mask?: boolean | undefined;
  /** Whether the bytes must stay as they are where it is masked. */
  readOnly?: boolean | undefined;
  /** Reserved bit 1: the message is compressed. */
  rsv1?: boolean | undefined;
}

/** What takes encoded frames. */
export interface FrameTarget {
  /** Sends them, one behind the other. */
  sendFrames(frames: readonly Uint8Array[], callback: SendCallback | undefined): void;
}

/** Sends encoded frames on one connection: its `_sender`. */
export class Sender {
  readonly #target: FrameTarget;

  /**
   * Makes what sends on one connection.
   *
   * @param target That connection.
   */
  constructor(target: FrameTarget) {
    this.#target = target;
  }

  /**
   * Encodes a frame.
   *
   * @param data Its payload.
   * @returns The header and the payload, to be sent one behind the other.
   */
  static frame(data: string | Uint8Array, options: FrameOptions): Buffer[] {
    let payload = bytesOf(data);
    const header = newHeader(options.opcode as Opcode, payload.length);
    header.fin = options.fin === true;
    header.rsv = options.rsv1 === true ? 4 : 0;
    if (options.mask === true) {
      header.masked = true;
      header.maskKey = newMask();
      if (options.readOnly === true) payload = new Uint8Array(payload);
      cipherRange(payload, header.maskKey, 0, 0, payload.length);
    }
    const head = Buffer.allocUnsafe(MaxHeaderSize);
    encodeHeaderAt(header, head, 0);
    return [head.subarray(0, headerSize(header)), toBuffer(payload)];
  }

  /**
   * Sends what {@link Sender.frame} gave.
   *
   * @param list One frame or more, whole.
   */
  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void {
    this.#target.sendFrames(list, callback);
  }
}
