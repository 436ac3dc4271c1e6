/**
 * The error of a WebSocketStream (WHATWG WebSockets, 5).
 *
 * @module
 */

import { type StatusCode, StatusNormalClosure } from "../../status.ts";
import { checkReason } from "../check-close.ts";

/** What a connection is closed with, in the standard's words. */
export interface WebSocketCloseInfo {
  /** 1000, or 3000 to 4999. */
  readonly closeCode?: StatusCode | undefined;
  /** At most 123 bytes of UTF-8. */
  readonly reason?: string | undefined;
}

/** What {@link WebSocketCloseInfo} comes to; a status of 0 stands for none. */
export interface CheckedClose {
  readonly status: StatusCode;
  readonly reason: string;
}

/**
 * Checks what the standard lets an application say: a reason without a code is one for 1000.
 *
 * @throws {RangeError} The code, or the length of the reason.
 * @throws {TypeError} The reason is no string.
 */
export function checkCloseInfo({ closeCode, reason = "" }: WebSocketCloseInfo): CheckedClose {
  if (closeCode !== undefined && closeCode !== 1000 && !(closeCode >= 3000 && closeCode <= 4999)) {
    throw new RangeError(`Close code must be 1000, or 3000 to 4999: ${closeCode}`);
  }
  checkReason(reason);
  return { status: closeCode ?? (reason === "" ? 0 : StatusNormalClosure), reason };
}

/**
 * Says why a WebSocketStream failed; or, given to `abort` and `cancel`, what its connection is to be closed with. In the
 * standard it is a DOMException; here it is an Error, whose `cause` is what framewire has to say.
 */
export class WebSocketError extends Error {
  /** The standard's name for it. */
  override readonly name = "WebSocketError";
  /** The code of the close frame, null where there is none. */
  readonly closeCode: StatusCode | null;
  /** The reason beside it. */
  readonly reason: string;

  /**
   * @param message For people.
   * @param info What a connection is to be closed with, or was.
   * @throws {RangeError} The code is not one that an application may send, or the reason has more than 123 bytes.
   */
  constructor(message = "", info: WebSocketCloseInfo = {}, options?: ErrorOptions) {
    super(message, options);
    const { status, reason } = checkCloseInfo(info);
    this.closeCode = status === 0 ? null : status;
    this.reason = reason;
  }

  /** Makes the error for a connection that broke, whose code may be any. */
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
