/**
 * Sends one message to many connections, some of which may be slow.
 *
 * @module
 */

import { type Kind, oneOf } from "../../check-options.ts";
import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { LimitError } from "../../errors.ts";

/**
 * What happens to a connection whose unsent bytes are already above `highWaterMark`. "buffer": the connection gets the message,
 * as by `send`, and its own limits apply. "drop": the connection does not get this message. "close": the connection is dropped.
 */
export type SlowReceiver = "buffer" | "drop" | "close";

/** How one message goes to many. */
export interface DeliveryOptions<Receiver> {
  /** A connection that does not get the message, such as the sender. */
  readonly except?: Receiver | undefined;
  /** What happens to slow receivers. Default: the option `slowReceivers` of the receiver's server or route. */
  readonly slow?: SlowReceiver | undefined;
}

/** What happened to a message on this server's own connections. */
export interface Delivery {
  /** Number of connections that got the message. */
  readonly sent: number;
  /** Number of slow connections that did not get it, because of the policy or their own `overflow`. */
  readonly dropped: number;
  /** Number of slow connections that were dropped. */
  readonly closed: number;
}

/** The members of a connection that a delivery uses. */
export interface Subscriber {
  /** A connection that is not "open" gets nothing. */
  readonly state: "open" | "closing" | "closed";
  /** The receiver's own settings, for what the sender does not specify. */
  readonly delivery: DeliverySettings;
  readonly outbox: {
    readonly unsent: number;
    /** Number of unsent bytes above which the connection is slow. */
    readonly highWaterMark: number;
    dropped: number;
    send(message: PreparedMessage, compress: boolean): Promise<void>;
  };
  terminate(error: unknown): void;
}

/** Settings of one receiver, for messages that go to many. */
export interface DeliverySettings {
  /** What happens to this receiver if it is slow. */
  readonly slow: SlowReceiver;
  /** Most topics to which it may subscribe. */
  readonly maxTopics: number;
}

const policies: readonly SlowReceiver[] = ["buffer", "drop", "close"];

/** The kind of the option. */
export const slowReceiversKind: Kind = /* @__PURE__ */ oneOf(...policies);

/** Checks a policy. `deliver` would treat an unknown one as "close". @throws {TypeError} It is none of the three. */
export function checkPolicy(name: string, policy: SlowReceiver): void {
  if (policies.includes(policy)) return;
  throw new TypeError(`${name} must be one of ${policies.join(", ")}: ${String(policy)}`);
}

/**
 * Sends a message to `receivers`. The list must not change meanwhile, although a call may end a connection or subscribe one.
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
    // A connection that is closing, or was dropped in this turn, stays a subscriber until its end, but gets nothing.
    if (receiver === except || receiver.state !== "open") continue;
    const { outbox } = receiver;
    const { highWaterMark } = outbox;
    const slow = asked ?? receiver.delivery.slow;
    if (slow === "buffer" || outbox.unsent <= highWaterMark) {
      const droppedBefore = outbox.dropped;
      void outbox.send(message, message.compress);
      // If the message did not fit, the receiver's own limit `maxBufferedAmount` has already decided about it.
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

/** Reads the state again after sending, since sending may have changed it. */
function isOpen(receiver: Subscriber): boolean {
  return receiver.state === "open";
}
