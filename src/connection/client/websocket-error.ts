/**
 * The error of a WebSocketStream (WHATWG WebSockets, 5).
 *
 * @module
 */

import { type StatusCode, StatusNormalClosure } from "../../status.ts";
import { checkReason } from "../check-close.ts";

/** The status and reason with which to close a connection, in the standard's words. */
export interface WebSocketCloseInfo {
  /** 1000, or 3000 to 4999. */
  readonly closeCode?: StatusCode | undefined;
  /** At most 123 bytes of UTF-8. */
  readonly reason?: string | undefined;
}

/** A checked {@link WebSocketCloseInfo}. A status of 0 stands for none. */
export interface CheckedClose {
  readonly status: StatusCode;
  readonly reason: string;
}

/**
 * Checks the status and reason that an application gives. A reason without a code means code 1000.
 *
 * @throws {RangeError} The code may not be sent, or the reason is too long.
 * @throws {TypeError} The reason is not a string.
 */
export function checkCloseInfo({ closeCode, reason = "" }: WebSocketCloseInfo): CheckedClose {
  if (closeCode !== undefined && closeCode !== 1000 && !(closeCode >= 3000 && closeCode <= 4999)) {
    throw new RangeError(`Close code must be 1000, or 3000 to 4999: ${closeCode}`);
  }
  checkReason(reason);
  return { status: closeCode ?? (reason === "" ? 0 : StatusNormalClosure), reason };
}

/**
 * The error of a failed WebSocketStream. If you pass it to `abort` or `cancel`, it says how to close the connection. In the
 * standard it is a DOMException; here it is an Error, whose `cause` is framewire's own error.
 */
export class WebSocketError extends Error {
  /** The name, as in the standard. */
  override readonly name = "WebSocketError";
  /** The status code of the close frame; null if there is none. */
  readonly closeCode: StatusCode | null;
  /** The reason in the close frame; "" if there is none. */
  readonly reason: string;

  /**
   * @param message The text of the error. Default: empty.
   * @param info How to close a connection, or how it was closed.
   * @throws {RangeError} The code is not one that an application may send, or the reason has more than 123 bytes.
   */
  constructor(message = "", info: WebSocketCloseInfo = {}, options?: ErrorOptions) {
    super(message, options);
    const { status, reason } = checkCloseInfo(info);
    this.closeCode = status === 0 ? null : status;
    this.reason = reason;
  }

  /** Makes the error for a connection that has failed. Its code may be any code. */
  static of(
    message: string,
    closeCode: StatusCode,
    reason: string,
    cause: unknown,
  ): WebSocketError {
    const error = new WebSocketError(message, {}, { cause });
    Object.assign(error, { closeCode, reason });
    return error;
  }
}
