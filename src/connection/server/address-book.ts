/**
 * Counts the connections, handshakes and messages of each address, against a server's limits.
 *
 * An address is remembered while it has connections, and then until its buckets are full again. After that a new entry would be
 * equal to the old one. So the memory for many addresses is bounded in time, and also in number.
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

/** Most addresses without a connection that are remembered: some megabytes. */
const mostIdle = 65_536;

/** Seconds after which a client may try again if its address has too many connections. */
const retryAfterFull = 10;

/** The counters of one address. */
class Entry implements Linked<Entry> {
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  readonly key: string;
  connections = 0;
  // Each bucket exists only if its limit is set.
  readonly handshakes: TokenBucket | undefined;
  readonly messages: TokenBucket | undefined;

  constructor(key: string, { handshakes, messages }: AddressLimits, now: number) {
    this.key = key;
    this.handshakes = handshakes && new TokenBucket(handshakes, now);
    this.messages = messages && new TokenBucket(messages, now);
  }

  /** Tells whether a new entry would be equal to this one. */
  isForgettable(now: number): boolean {
    return (this.handshakes?.isFull(now) ?? true) && (this.messages?.isFull(now) ?? true);
  }
}

/** The place of one connection among those of its address, from its handshake on. */
export interface AddressPlace extends LinkPlace {
  /** The error if the connection exceeds a limit of its address; undefined if it does not. */
  readonly refusal: HandshakeError | undefined;
  /** Whether so many connections of the address exist that further ones are dropped without an answer. */
  readonly isFlood: boolean;
}

/** Makes the address book of a server; gives undefined if no limit is set. @throws {RangeError} A number is out of its range. */
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
  /** Addresses without connections; the first in the list is the one that has had none for the longest time. */
  readonly #idle = new LinkedList<Entry>();
  /** Milliseconds after which the buckets of an address are certainly full again. */
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

  /** Number of remembered addresses. */
  get size(): number {
    return this.#entries.size;
  }

  /** A connection has come from an address. It must leave its place later, even if it is refused. */
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

  /** Forgets all addresses: no more connections come. */
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

  /**
   * Forgets the addresses whose buckets are full again. The list is in order of time, so the sweep ends at the first address
   * whose buckets are not.
   */
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

/**
 * The key by which an address is counted: an IPv4 address itself, the first bits of an IPv6 address, any other address as a text.
 */
function keyOf(address: string, ipv6Prefix: number): string {
  // The zone of a link-local address is not part of the address.
  const bytes = parseAddress(address.replace(/%.*/, ""));
  if (bytes === undefined) return address;
  const plain = unmapped(bytes);
  if (plain.length === 4) return plain.join(".");
  return Array.from(plain, (byte, index) => {
    const bits = Math.min(8, Math.max(0, ipv6Prefix - 8 * index));
    return byte & (0xff00 >> bits);
  }).join(":");
}
