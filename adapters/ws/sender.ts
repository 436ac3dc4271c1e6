/**
 * Frames that the application encodes: socket.io's adapter makes one, and engine.io sends it on many connections.
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

/** Options of a frame. */
export interface FrameOptions {
  /** Whether it is the last frame of its message. */
  fin?: boolean | undefined;
  /** Its opcode: 1 for text, 2 for binary. */
  opcode: number;
  /** Whether it is masked: a client's frame must be. */
  mask?: boolean | undefined;
  /** Whether the bytes must not be changed, even if the frame is masked. */
  readOnly?: boolean | undefined;
  /** Reserved bit 1: the message is compressed. */
  rsv1?: boolean | undefined;
}

/** The object that sends encoded frames. */
export interface FrameTarget {
  /** Sends the frames one after the other. */
  sendFrames(frames: readonly Uint8Array[], callback: SendCallback | undefined): void;
}

/** Sends encoded frames on one connection: the `_sender` of a WebSocket. */
export class Sender {
  readonly #target: FrameTarget;

  /**
   * Makes a sender for one connection.
   *
   * @param target The connection.
   */
  constructor(target: FrameTarget) {
    this.#target = target;
  }

  /**
   * Encodes a frame.
   *
   * @param data Its payload.
   * @returns The header and the payload, to be sent one after the other.
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
   * Sends frames made by {@link Sender.frame}.
   *
   * @param list One or more whole frames.
   */
  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void {
    this.#target.sendFrames(list, callback);
  }
}
