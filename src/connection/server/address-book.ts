/**
 * Who is connected from where: connections, handshakes and messages of each address, counted against a server's limits.
 *
 * An address is remembered while it has connections, and behind them as long as a bucket of its is not full again: then a new one
 * would be the same. So what many addresses cost is bounded by time, and by number besides.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../../clock.ts";
import { HandshakeError, LimitError } from "../../errors.ts";
import { parseAddress, unmapped } from "../../ip-address.ts";
import { type Linked, LinkedList } from "../../linked-list.ts";
import type { LinkPlace } from "../link.ts";
import type { MessageGate } from "../receive/message-gate.ts";
import { type AddressLimits, type AddressOptions, resolveAddressLimits } from "./address-limits.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Addresses without a connection that are remembered, at the most: some megabytes. */
const mostIdle = 65_536;

/** Seconds after which another try is worth while where all places of an address are taken. */
const retryAfterFull = 10;

/** What is known of one address. */
class Entry implements Linked<Entry> {
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  readonly key: string;
  connections = 0;
  // Each is there where there is a limit.
  readonly handshakes: TokenBucket | undefined;
  readonly messages: TokenBucket | undefined;

  constructor(key: string, { handshakes, messages }: AddressLimits, now: number) {
    this.key = key;
    this.handshakes = handshakes && new TokenBucket(handshakes, now);
    this.messages = messages && new TokenBucket(messages, now);
  }

  /** Tells whether there is nothing to be remembered. */
  isForgettable(now: number): boolean {
    return (this.handshakes?.isFull(now) ?? true) && (this.messages?.isFull(now) ?? true);
  }
}

/** The place of one connection among those of its address, from its handshake on. */
export interface AddressPlace extends LinkPlace {
  /** Why the connection is one too many; undefined where it is not. */
  readonly refusal: HandshakeError | undefined;
  /** Whether there are so many that no more of them are answered: they would only be there to be told so. */
  readonly isFlood: boolean;
}

/** Makes the book of a server; undefined where its options set no limit. @throws {RangeError} A number is out of its range. */
export function addressBookOf(
  options: AddressOptions,
  deadlines: Deadlines,
): AddressBook | undefined {
  const limits = resolveAddressLimits(options);
  return limits && new AddressBook(limits, deadlines);
}

/** The addresses that a server remembers. */
export class AddressBook {
  readonly #limits: AddressLimits;
  readonly #deadlines: Deadlines;
  readonly #entries = new Map<string, Entry>();
  /** Those without connections, the one that was left longest ago first. */
  readonly #idle = new LinkedList<Entry>();
  /** Milliseconds after which the buckets of an address are full again. */
  readonly #fullAfter: number;
  #sweep: Deadline | undefined;

  constructor(limits: AddressLimits, deadlines: Deadlines) {
    this.#limits = limits;
    this.#deadlines = deadlines;
    const { handshakes, messages } = limits;
    const times = [handshakes, messages].map((rate) =>
      rate === undefined ? 0 : (rate.burst * 1000) / rate.perSecond,
    );
    this.#fullAfter = Math.max(...times);
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** A connection has come from an address. It has to leave its place, refused or not. */
  enter(address: string): AddressPlace {
    const now = this.#deadlines.now();
    const key = keyOf(address, this.#limits.ipv6Prefix);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = new Entry(key, this.#limits, now);
      this.#entries.set(key, entry);
    } else this.#idle.delete(entry);
    entry.connections++;
    const { maxConnections } = this.#limits;
    return {
      refusal: this.#refusalOf(entry, now),
      isFlood: entry.connections > 2 * maxConnections,
      messages: this.#gateOf(entry),
      leave: () => {
        if (--entry.connections === 0) this.#left(entry);
      },
    };
  }

  /** Forgets all: nobody comes any more. */
  close(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const entry of [...this.#idle]) this.#forget(entry);
  }

  #refusalOf(entry: Entry, now: number): HandshakeError | undefined {
    const { handshakes, maxConnections } = this.#limits;
    if (entry.handshakes?.take(now) === false) {
      const error = new LimitError("TOO_MANY_HANDSHAKES", handshakes!.burst, handshakes!.burst + 1);
      return refuse(error, entry.handshakes.wait(now) / 1000);
    }
    if (entry.connections <= maxConnections) return undefined;
    const error = new LimitError("TOO_MANY_OF_ADDRESS", maxConnections, entry.connections);
    return refuse(error, retryAfterFull);
  }

  #gateOf({ messages: bucket }: Entry): MessageGate | undefined {
    const { messages: limit } = this.#limits;
    if (bucket === undefined || limit === undefined) return undefined;
    const deadlines = this.#deadlines;
    if (limit.excess === "wait") {
      return {
        messaged: () => {
          const now = deadlines.now();
          bucket.spend(now);
          return bucket.wait(now);
        },
      };
    }
    return {
      messaged: () => {
        if (bucket.take(deadlines.now())) return 0;
        throw new LimitError("TOO_MANY_MESSAGES", limit.burst, limit.burst + 1);
      },
    };
  }

  /** An address has no connection any more. */
  #left(entry: Entry): void {
    if (this.#fullAfter === 0) {
      this.#entries.delete(entry.key);
      return;
    }
    this.#idle.add(entry);
    if (this.#idle.size > mostIdle) this.#forget(this.#idle.first!);
    this.#sweepLater();
  }

  #sweepLater(): void {
    this.#sweep ??= this.#deadlines.after(this.#fullAfter, () => {
      this.#sweep = undefined;
      this.#sweepNow();
    });
  }

  /** Forgets those whose buckets are full again. Those behind the first one that is not have been left later. */
  #sweepNow(): void {
    const now = this.#deadlines.now();
    for (
      let entry = this.#idle.first;
      entry?.isForgettable(now) === true;
      entry = this.#idle.first
    ) {
      this.#forget(entry);
    }
    if (this.#idle.size > 0) this.#sweepLater();
  }

  #forget(entry: Entry): void {
    this.#idle.delete(entry);
    this.#entries.delete(entry.key);
  }
}

function refuse(cause: LimitError, seconds: number): HandshakeError {
  return new HandshakeError("REJECTED", {
    message: cause.message,
    status: cause.status,
    headers: [["Retry-After", String(Math.max(1, Math.ceil(seconds)))]],
    cause,
  });
}

/** What an address is counted by: IPv4 as it is, of IPv6 so many bits, and anything else by its name. */
function keyOf(address: string, ipv6Prefix: number): string {
  // The zone of a link-local address is no part of it.
  const bytes = parseAddress(address.replace(/%.*/, ""));
  if (bytes === undefined) return address;
  const plain = unmapped(bytes);
  if (plain.length === 4) return plain.join(".");
  return Array.from(plain, (byte, index) => {
    const bits = Math.min(8, Math.max(0, ipv6Prefix - 8 * index));
    return byte & (0xff00 >> bits);
  }).join(":");
}
