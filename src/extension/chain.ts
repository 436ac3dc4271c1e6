/**
 * Joins the extensions of one connection into one. The first agreed extension is nearest to the application (RFC 6455, 9.1).
 *
 * @module
 */

import { ProtocolError } from "../errors.ts";
import type { Header } from "../frame/header.ts";
import type {
  ExtensionSession,
  OutgoingMessage,
  RecvExtension,
  SendExtension,
  Transform,
} from "./extension.ts";
import type { BoundedBuffer } from "./bounded-buffer.ts";
import { Pipeline } from "./pipeline.ts";

/** Passes what is received through all extensions, the last one first. */
export class RecvChain implements RecvExtension {
  readonly #extensions: readonly RecvExtension[];

  /**
   * Makes one extension of several.
   *
   * @param extensions In the agreed order.
   */
  constructor(extensions: readonly RecvExtension[]) {
    this.#extensions = extensions.toReversed();
  }

  /** @throws {ProtocolError} `RSV_NOT_ZERO`: a bit is left that no extension knows. @throws Any error of an extension. */
  unsetBits(header: Header): void {
    for (const extension of this.#extensions) extension.unsetBits(header);
    // "If a nonzero value is received and none of the negotiated extensions defines the meaning of such a nonzero value,
    // the receiving endpoint MUST _Fail the WebSocket Connection_" (RFC 6455, 5.2)
    if (header.rsv !== 0) throw new ProtocolError("RSV_NOT_ZERO", { value: header.rsv });
  }

  beginMessage(): Transform | undefined {
    let whole: Transform | undefined;
    for (const extension of this.#extensions) {
      whole = behind(whole, extension.beginMessage?.());
    }
    return whole;
  }
}

/** Passes what is sent through all extensions, the first one first. */
export class SendChain implements SendExtension {
  readonly #extensions: readonly SendExtension[];

  /**
   * Makes one extension of several.
   *
   * @param extensions In the agreed order.
   */
  constructor(extensions: readonly SendExtension[]) {
    this.#extensions = extensions;
  }

  setBits(header: Header): void {
    for (const extension of this.#extensions) extension.setBits(header);
  }

  beginMessage(message: OutgoingMessage): Transform | undefined {
    let whole: Transform | undefined;
    for (const extension of this.#extensions) {
      whole = behind(whole, extension.beginMessage?.(message));
    }
    return whole;
  }
}

function behind(first: Transform | undefined, next: Transform | undefined): Transform | undefined {
  if (first === undefined || next === undefined) return first ?? next;
  return new Pipeline(first, next);
}

/** Gives the receiving halves of the sessions as one; undefined if there are none. */
export function recvChain(sessions: readonly ExtensionSession[]): RecvChain | undefined {
  const extensions = sessions.flatMap(({ recv }) => recv ?? []);
  return extensions.length === 0 ? undefined : new RecvChain(extensions);
}

/** Gives the sending halves of the sessions as one; undefined if there are none. */
export function sendChain(sessions: readonly ExtensionSession[]): SendChain | undefined {
  const extensions = sessions.flatMap(({ send }) => send ?? []);
  return extensions.length === 0 ? undefined : new SendChain(extensions);
}

/**
 * Does the remaining work of a call of a transform, slice by slice.
 *
 * @param isDone The result of the call.
 * @returns undefined if no work is left: no promise is made then.
 */
export function finish(
  transform: Transform,
  isDone: boolean,
  into: BoundedBuffer,
): Promise<void> | undefined {
  return isDone ? undefined : finishLater(transform, into);
}

async function finishLater(transform: Transform, into: BoundedBuffer): Promise<void> {
  let isDone = false;
  while (!isDone) {
    await new Promise<void>((resolve) => {
      transform.whenReady(resolve);
    });
    isDone = transform.goOn(into);
  }
}
