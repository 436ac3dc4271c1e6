/**
 * One message for many connections, of which some do not keep up.
 *
 * @module
 */

import { type Kind, oneOf } from "../../check-options.ts";
import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { LimitError } from "../../errors.ts";

/**
 * What happens to a connection whose unsent bytes are above `highWaterMark` already. "buffer": it gets the message, as by
 * `send`, and its own limit counts. "drop": it does not get this one. "close": it is dropped, since it does not keep up.
 */
export type SlowReceiver = "buffer" | "drop" | "close";

/** How one message goes to many. */
export interface DeliveryOptions<Receiver> {
  /** A connection that does not get it, such as the one that it came from. */
  readonly except?: Receiver | undefined;
  /** Default: the option `slowReceivers` of the receiver's server, or of its route. */
  readonly slow?: SlowReceiver | undefined;
}

/** What became of a message, as far as this server's connections are concerned. */
export interface Delivery {
  /** Connections that it was sent on. */
  readonly sent: number;
  /** Slow ones that did not get it, as the policy or their own `overflow` has it. */
  readonly dropped: number;
  /** Slow ones that were dropped themselves. */
  readonly closed: number;
}

/** What is used of a connection. */
export interface Subscriber {
  /** One that is not "open" gets nothing. */
  readonly state: "open" | "closing" | "closed";
  /** What holds for it where the sender does not say. */
  readonly delivery: DeliverySettings;
  readonly outbox: {
    readonly unsent: number;
    /** Unsent bytes above which it is slow. */
    readonly highWaterMark: number;
    dropped: number;
    send(message: PreparedMessage, compress: boolean): Promise<void>;
  };
  terminate(error: unknown): void;
}

/** What holds for one receiver of what is sent to many. */
export interface DeliverySettings {
  /** What happens to it where it does not keep up. */
  readonly slow: SlowReceiver;
  /** Topics that it may subscribe to. */
  readonly maxTopics: number;
}

const policies: readonly SlowReceiver[] = ["buffer", "drop", "close"];

/** What the option may be. */
export const slowReceiversKind: Kind = /* @__PURE__ */ oneOf(...policies);

/** Checks a policy: of any other one a slow connection would be dropped. @throws {TypeError} It is none of the three. */
export function checkPolicy(name: string, policy: SlowReceiver): void {
  if (policies.includes(policy)) return;
  throw new TypeError(`${name} must be one of ${policies.join(", ")}: ${String(policy)}`);
}

/**
 * Sends a message to `receivers`, which nobody else changes meanwhile: what is called may end a connection, or subscribe one.
 *
 * @throws {TypeError} `slow` is none of the three policies.
 */
export function deliver<Receiver extends Subscriber>(
  receivers: readonly Receiver[],
  message: PreparedMessage,
  { except, slow: asked }: DeliveryOptions<Receiver>,
): Delivery {
  if (asked !== undefined) checkPolicy("slow", asked);
  let sent = 0;
  let dropped = 0;
  let closed = 0;
  for (const receiver of receivers) {
    // One that closes, or was dropped in this turn, is a subscriber until its end, and gets nothing.
    if (receiver === except || receiver.state !== "open") continue;
    const { outbox } = receiver;
    const { highWaterMark } = outbox;
    const slow = asked ?? receiver.delivery.slow;
    if (slow === "buffer" || outbox.unsent <= highWaterMark) {
      const droppedBefore = outbox.dropped;
      void outbox.send(message, message.compress);
      // What does not fit is the business of its own limit, `maxBufferedAmount`.
      if (outbox.dropped > droppedBefore) dropped++;
      else if (isOpen(receiver)) sent++;
      else closed++;
    } else if (slow === "drop") {
      outbox.dropped++;
      dropped++;
    } else {
      receiver.terminate(
        new LimitError("TOO_MUCH_BUFFERED", highWaterMark, outbox.unsent, "highWaterMark"),
      );
      closed++;
    }
  }
  return { sent, dropped, closed };
}

/** Asked again once it has been sent something: its state may be another one. */
function isOpen(receiver: Subscriber): boolean {
  return receiver.state === "open";
}
