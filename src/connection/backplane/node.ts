/**
 * One server among several: its publications go to the others, and theirs come here, each message once and in its publisher's
 * order. It tells every loss that it can notice.
 *
 * @module
 */

import { checkLimit, checkMilliseconds } from "../../arguments.ts";
import { latin1 } from "../../bytes.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import { isPromise, newDeferred, quiet } from "../../deferred.ts";
import { PreparedMessage } from "../../endpoint/prepared.ts";
import { BackplaneError } from "../../errors.ts";
import type { DeliveryOptions, Subscriber } from "../server/delivery.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
  BackplaneState,
} from "./backplane.ts";
import { Carrier } from "./carrier.ts";
import {
  dataOf,
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
  type EnvelopeFault,
  nodeIdSize,
  spellNode,
} from "./envelope.ts";
import type { Histories } from "./histories.ts";
import type { Position, Replayed } from "./history.ts";
import { Interests } from "./interests.ts";
import { Reachability } from "./reachability.ts";
import { IncomingSequences, OutgoingSequences } from "./sequences.ts";
import {
  type BackplaneCounters,
  type BackplaneEvent,
  type BackplaneStatus,
  type CarryingOptions,
  defaultCarrying,
} from "./status.ts";

/** What a node asks of its owner, and tells it. */
export interface NodeOwner {
  readonly deadlines: Deadlines;
  /** A message has come for the subscribers of a topic. */
  receive(topic: string, message: PreparedMessage): void;
  /** Gives the subscribers of a topic on this server, in a new array. */
  receivers(topic: string): Subscriber[];
  /** Tells whether a connection is subscribed to a topic. */
  isSubscribed(receiver: Subscriber, topic: string): boolean;
  /** The option `stamp` has thrown. */
  stampFailed(error: unknown): void;
  /** Tells an event. Must not throw. */
  tell(event: BackplaneEvent): void;
}

/** One server on its backplane. */
export class BackplaneNode implements BackplaneStatus {
  readonly id: string;
  readonly #node: string;
  readonly #owner: NodeOwner;
  readonly #timeout: number;
  readonly #carrier: Carrier;
  readonly #interests: Interests;
  readonly #outgoing = new OutgoingSequences();
  readonly #incoming = new IncomingSequences();
  readonly #stamp: CarryingOptions["stamp"];
  /** The topics with a history; undefined if the driver has none. */
  #histories: Histories | undefined;
  #keeps: ((topic: string) => boolean) | undefined;
  readonly #broker: Reachability;
  #membership: BackplaneMembership | undefined;
  #joined: Promise<void> | undefined;
  /** Whether {@link joined} waits for `#joined`: its rejection then tells the error, and no event does. */
  #isAwaited = false;
  // Counters.
  #published = 0;
  #carried = 0;
  #failed = 0;
  #delivered = 0;
  #dropped = 0;
  #duplicates = 0;
  #gaps = 0;
  #roundTripTime: number | undefined;
  readonly #versions = new Set<number>();

  /** @throws {TypeError} An option is of a wrong type. @throws {RangeError} An option is NaN or below 0. */
  constructor(options: CarryingOptions, owner: NodeOwner) {
    const { overflow = "newest", linger = defaultCarrying.linger } = options;
    const {
      maxWaiting: bytes = defaultCarrying.maxWaiting,
      timeout: patience = defaultCarrying.timeout,
    } = options;
    checkLimit("carrying.maxWaiting", bytes);
    checkMilliseconds("carrying.timeout", patience);
    checkMilliseconds("carrying.linger", linger);
    // 0 means no limit, as for all limits.
    const maxWaiting = bytes || Infinity;
    const timeout = patience || Infinity;
    this.#owner = owner;
    this.#broker = new Reachability((event) => {
      owner.tell(event);
    });
    this.#stamp = options.stamp;
    this.#timeout = timeout;
    const id = crypto.getRandomValues(new Uint8Array(nodeIdSize));
    this.#node = latin1(id, 0, nodeIdSize);
    this.id = spellNode(this.#node);
    this.#carrier = new Carrier({ maxWaiting, overflow, timeout }, owner.deadlines, {
      publish: (topic, envelope) => this.#membership!.publish(topic, envelope),
      carried: (milliseconds) => {
        this.#carried++;
        this.#roundTripTime = milliseconds;
        this.#answered();
      },
      failed: (error) => {
        this.#failed++;
        if (error.code === "TIMEOUT") this.#broker.overdue();
      },
    });
    this.#interests = new Interests({ linger, timeout }, owner.deadlines, {
      subscribe: (topic) => this.#membership!.subscribe(topic),
      unsubscribe: (topic) => this.#membership!.unsubscribe(topic),
      answered: () => {
        this.#answered();
      },
      overdue: () => {
        this.#broker.overdue();
      },
      failed: (topic, cause) => {
        // The driver tells an outage by its state; the node subscribes again when the broker is back.
        if (cause instanceof BackplaneError && cause.code === "DOWN") return;
        const error = new BackplaneError("REFUSED", { cause });
        owner.tell({ type: "error", error, topic });
      },
      forgotten: (topic) => {
        this.#incoming.forget(topic);
        this.#histories?.forget(topic);
      },
    });
  }

  get state(): BackplaneState {
    return this.#broker.state;
  }

  get counters(): BackplaneCounters {
    return {
      published: this.#published,
      carried: this.#carried,
      failed: this.#failed,
      waiting: this.#carrier.bytes,
      delivered: this.#delivered,
      dropped: this.#dropped,
      duplicates: this.#duplicates,
      gaps: this.#gaps,
      roundTripTime: this.#roundTripTime,
    };
  }

  /** Joins the backplane. Call it once. {@link joined} tells an error. */
  join(backplane: Backplane): void {
    this.#keeps = backplane.keeps?.bind(backplane);
    this.#histories = backplane.histories?.({
      deadlines: this.#owner.deadlines,
      timeout: this.#timeout,
      node: this.#node,
      stamp: this.#stamp,
      receivers: (topic) => this.#owner.receivers(topic),
      isSubscribed: (receiver, topic) => this.#owner.isSubscribed(receiver, topic),
      held: (topic) => this.#interests.held(topic),
      history: (topic, since) => this.#membership!.history!(topic, since),
      gap: (topic) => {
        this.#tellGap([topic], undefined, undefined);
      },
      delivered: () => this.#delivered++,
      duplicate: () => this.#duplicates++,
      dropped: (fault, envelope) => {
        this.#drop(fault, envelope);
      },
      stampFailed: (error) => {
        this.#dropped++;
        this.#owner.stampFailed(error);
      },
    });
    const member: BackplaneMember = {
      id: this.id,
      topics: () => this.#interests.topics(),
      subscribers: (topic) => this.#owner.receivers(topic).length,
      deliver: (topic, envelope, position, previous) => {
        this.#deliver(topic, envelope, position, previous);
      },
      state: (now, reason) => {
        this.#stateOf(now, reason);
      },
      gap: (topics) => {
        if (topics === undefined) this.#incoming.toldGap();
        this.#gap(topics === undefined ? undefined : [...topics]);
      },
    };
    try {
      const membership = backplane.join(member);
      if (isPromise(membership)) this.#joined = this.#enterLater(membership);
      else this.#enter(membership);
    } catch (error) {
      this.#joined = this.#enterLater(Promise.reject(error as Error));
    }
  }

  /**
   * Waits until the node has joined, at most for the option `timeout`. After that the node goes on, and is "down" until it has
   * joined. Rejects if joining fails.
   */
  async joined(): Promise<void> {
    if (this.#joined === undefined) return;
    const late = newDeferred<void>();
    const deadline = this.#owner.deadlines.after(this.#timeout, late.resolve);
    this.#isAwaited = true;
    try {
      await Promise.race([this.#joined, late.promise]);
    } finally {
      this.#isAwaited = false;
      deadline.cancel();
    }
    if (this.#broker.isJoining) this.#broker.tell(new BackplaneError("TIMEOUT"));
  }

  /**
   * Tells whether a topic has a history. If so, subscribers of this server, too, get its messages only when they come from the
   * broker.
   */
  keeps(topic: string): boolean {
    return this.#historyOf(topic) !== undefined;
  }

  /** Carries a message to the other nodes, as `Carrier.carry` does. */
  publish(
    topic: string,
    message: PreparedMessage,
    options: DeliveryOptions<Subscriber>,
  ): Promise<Position | undefined> {
    this.#published++;
    const { series, sequence } = this.#outgoing.next(topic);
    this.#historyOf(topic)?.publish(series, sequence, options);
    const { opcode, compress } = message;
    const payload = message.content.bytes;
    return this.#carrier.carry(
      topic,
      encodeEnvelope({ node: this.#node, series, sequence, opcode, compress, payload }),
    );
  }

  /** A topic has its first subscriber. @returns As `Interests.want`. */
  want(topic: string): Promise<boolean> {
    const answer = this.#interests.want(topic);
    const heard = this.#broker.isSilent ? Promise.resolve(false) : answer;
    return this.#historyOf(topic)?.want(topic, heard) ?? heard;
  }

  /** A connection that has just subscribed gets the messages that it has missed, as `Histories.replay` tells. */
  async replay(
    receiver: Subscriber,
    topic: string,
    since: Position | undefined,
    heard: Promise<boolean>,
  ): Promise<Replayed> {
    const histories = this.#historyOf(topic);
    if (histories !== undefined) return histories.replay(receiver, topic, since, heard);
    const complete = (await heard) && since === undefined;
    return { complete, replayed: 0, position: undefined };
  }

  /** A topic has lost its last subscriber. */
  release(topic: string): void {
    this.#interests.release(topic);
  }

  /**
   * Leaves the backplane. Gives up the publications that wait, and lets the driver finish those that are under way. Rejects with
   * the driver's error.
   *
   * @param within Milliseconds that the driver has to finish. After that its signal aborts.
   */
  async leave(within: number): Promise<void> {
    const { deadlines } = this.#owner;
    this.#broker.leave();
    this.#carrier.close();
    this.#interests.close();
    this.#histories?.close();
    const late = newDeferred<void>();
    const patience = new AbortController();
    let deadline: Deadline | undefined;
    try {
      const left = this.#membership?.leave(patience.signal);
      if (!isPromise(left)) return;
      deadline = deadlines.after(within, () => {
        patience.abort();
        late.resolve();
      });
      await Promise.race([left, late.promise]);
    } finally {
      deadline?.cancel();
      this.#carrier.abandon();
    }
  }

  #enterLater(membership: Promise<BackplaneMembership>): Promise<void> {
    const entered = (async () => {
      this.#enter(await membership);
    })();
    entered.catch((error: unknown) => {
      if (this.#isAwaited) return;
      this.#owner.tell({ type: "error", error: asRefusal(error), topic: undefined });
    });
    return entered;
  }

  #enter(membership: BackplaneMembership): void {
    if (this.#broker.hasLeft) {
      const { signal } = new AbortController();
      void quiet((async () => membership.leave(signal))());
      return;
    }
    this.#membership = membership;
    const { now, reason } = this.#broker.enter();
    if (now === "up") this.#reach();
    else this.#broker.tell(new BackplaneError("DOWN", { cause: reason }));
  }

  /** The driver tells a state. */
  #stateOf(now: BackplaneState, reason: unknown): void {
    const change = this.#broker.report(now, reason);
    if (change === "up") {
      this.#reach();
    } else if (change === "down") {
      this.#broker.lose();
      this.#carrier.shut();
      this.#interests.shut();
      this.#histories?.stop();
      this.#broker.tell(new BackplaneError("DOWN", { cause: reason }));
    }
  }

  #reach(): void {
    this.#broker.reach();
    // Subscriptions go first, because publications may be answered at once.
    this.#interests.open();
    this.#histories?.start();
    this.#carrier.open();
    this.#broker.tell();
  }

  #answered(): void {
    if (!this.#broker.answered()) return;
    this.#histories?.start();
    this.#broker.tell();
  }

  /** Takes a message from the broker. Never throws, whatever the bytes are. */
  #deliver(
    topic: string,
    bytes: Uint8Array,
    position: Position | undefined,
    previous: string | undefined,
  ): void {
    if (this.#broker.hasLeft || !this.#interests.has(topic)) return;
    const histories = this.#historyOf(topic);
    if (histories !== undefined) {
      histories.deliver(topic, bytes, position, previous);
      return;
    }
    const envelope = decodeEnvelope(bytes);
    if (typeof envelope === "string") {
      this.#drop(envelope, bytes);
    } else if (envelope.node !== this.#node) {
      this.#take(topic, envelope);
    }
  }

  #take(topic: string, envelope: Envelope): void {
    const { node, series, sequence, compress } = envelope;
    const data = dataOf(envelope);
    if (data === undefined) {
      this.#dropped++;
      return;
    }
    const missing = this.#incoming.take(topic, node, series, sequence);
    if (missing < 0) {
      this.#duplicates++;
      return;
    }
    if (missing > 0) this.#tellGap([topic], missing, spellNode(node));
    this.#delivered++;
    this.#owner.receive(topic, new PreparedMessage(data, compress));
  }

  #historyOf(topic: string): Histories | undefined {
    return this.#keeps?.(topic) === false ? undefined : this.#histories;
  }

  /** Messages may have been lost. Reads the history of the topics that have one, and tells a gap in the others. */
  #gap(topics: readonly string[] | undefined): void {
    const histories = this.#histories;
    if (histories === undefined) {
      this.#tellGap(topics, undefined, undefined);
      return;
    }
    const lost: string[] = [];
    for (const topic of topics ?? this.#interests.wanted) {
      if (this.keeps(topic)) histories.restart(topic);
      else lost.push(topic);
    }
    if (lost.length > 0) this.#tellGap(lost, undefined, undefined);
  }

  #drop(fault: EnvelopeFault | undefined, bytes: Uint8Array): void {
    this.#dropped++;
    if (fault !== "version" || this.#versions.has(bytes[2])) return;
    this.#versions.add(bytes[2]);
    const cause = new Error(`Version ${bytes[2]}`);
    const error = new BackplaneError("ENVELOPE_VERSION", { cause });
    this.#owner.tell({ type: "error", error, topic: undefined });
  }

  #tellGap(
    topics: readonly string[] | undefined,
    missing: number | undefined,
    node: string | undefined,
  ): void {
    if (this.#broker.hasLeft) return;
    this.#gaps++;
    this.#owner.tell({ type: "gap", topics, missing, node });
  }
}

function asRefusal(error: unknown): BackplaneError {
  return error instanceof BackplaneError ? error : new BackplaneError("REFUSED", { cause: error });
}
