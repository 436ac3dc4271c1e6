/**
 * The line of a node to the broker. It stands between a server and its driver, and uses reserved topics.
 *
 * Theory of operation. The line is a backplane for the server, and a member for the driver. It passes publications, subscriptions
 * and the broker's state between them. Reserved topics belong to the line alone: it refuses the server's publications to them,
 * and ignores the server's subscriptions. The reason: clients choose names of topics, and must not read messages of nodes, nor
 * send any.
 *
 * @module
 */

import type { Deadlines } from "../clock.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
  BackplaneState,
} from "../connection/backplane/backplane.ts";
import { Carrier } from "../connection/backplane/carrier.ts";
import { Interests } from "../connection/backplane/interests.ts";
import { isReserved } from "../connection/backplane/reserved.ts";
import { isPromise, whenSettled } from "../deferred.ts";
import { BackplaneError } from "../errors.ts";
import type { Awaitable } from "../io/byte-stream.ts";

/** What a line tells its owner. */
export interface LineOwner {
  readonly deadlines: Deadlines;
  /** A message has come on a reserved topic. */
  take(topic: string, bytes: Uint8Array): void;
  /** The state of the broker has changed; "up" also for the first time. */
  changed(now: BackplaneState): void;
  /** Messages on reserved topics may have been lost. */
  gap(): void;
  /** The server leaves: this is the last moment to publish. */
  leaving(): void;
  /** The broker has refused a subscription. */
  refused(error: BackplaneError): void;
}

/** The limits of messages between nodes. */
const settings = { linger: 5000, timeout: 10_000, overflow: "newest" } as const;

/** The line of one server. */
export class Line {
  readonly #owner: LineOwner;
  readonly #interests: Interests;
  readonly #carrier: Carrier;
  #state: "joining" | "up" | "down" | "left" = "joining";
  /** The last state that the driver told before it had joined. */
  #early: BackplaneState = "up";
  #member: BackplaneMember | undefined;
  #membership: BackplaneMembership | undefined;

  /** @param maxWaiting Bytes that may wait for the broker. */
  constructor(owner: LineOwner, maxWaiting: number) {
    this.#owner = owner;
    this.#interests = new Interests(settings, owner.deadlines, {
      subscribe: (topic) => this.#membership!.subscribe(topic),
      unsubscribe: (topic) => this.#membership!.unsubscribe(topic),
      answered() {},
      overdue() {},
      failed: (_, cause) => {
        // The driver tells an outage by its state.
        if (cause instanceof BackplaneError && cause.code === "DOWN") return;
        owner.refused(new BackplaneError("REFUSED", { cause }));
      },
      forgotten() {},
    });
    this.#carrier = new Carrier({ ...settings, maxWaiting }, owner.deadlines, {
      publish: (topic, bytes) => this.#membership!.publish(topic, bytes),
      carried() {},
      failed() {},
    });
  }

  /** "joining": the driver has not joined yet. "up", "down": the last state that the driver told. "left": the server has left. */
  get state(): "joining" | "up" | "down" | "left" {
    return this.#state;
  }

  /** Gives the number of the server's connections that are subscribed to a topic. */
  subscribers(topic: string): number {
    return this.#member?.subscribers(topic) ?? 0;
  }

  /** Subscribes to a topic. @returns Whether its messages come from now on. Never rejects. */
  subscribe(topic: string): Promise<boolean> {
    return this.#interests.want(topic);
  }

  /** Ends the subscription to a topic. */
  unsubscribe(topic: string): void {
    this.#interests.release(topic);
  }

  /** Publishes a message, now or as soon as the broker can be reached. @returns As `Carrier.carry`. */
  publish(topic: string, bytes: Uint8Array): Promise<unknown> {
    return this.#carrier.carry(topic, bytes);
  }

  /** Joins the driver's backplane for a server. */
  join(backplane: Backplane, member: BackplaneMember): Awaitable<BackplaneMembership> {
    this.#member = member;
    const interests = this.#interests;
    const membership = backplane.join({
      id: member.id,
      *topics() {
        yield* member.topics();
        yield* interests.topics();
      },
      subscribers: (topic) => member.subscribers(topic),
      deliver: (topic, bytes, position, previous) => {
        if (!isReserved(topic)) member.deliver(topic, bytes, position, previous);
        else if (this.#state !== "left" && interests.has(topic)) this.#owner.take(topic, bytes);
      },
      state: (now, reason) => {
        this.#stateOf(now);
        member.state(now, reason);
      },
      gap: (topics) => {
        this.#gap(member, topics);
      },
    });
    return isPromise(membership)
      ? membership.then((joined) => this.#enter(joined))
      : this.#enter(membership);
  }

  #gap(member: BackplaneMember, topics: Iterable<string> | undefined): void {
    const all = topics === undefined ? undefined : [...topics];
    const own = all?.filter((topic) => !isReserved(topic));
    if (own?.length !== 0) member.gap(own);
    if (own === undefined || own.length !== all!.length) this.#owner.gap();
  }

  #stateOf(now: BackplaneState): void {
    if (this.#state === "joining") {
      this.#early = now;
    } else if (this.#state !== "left" && this.#state !== now) {
      if (now === "up") this.#reach();
      else this.#lose();
    }
  }

  #reach(): void {
    this.#state = "up";
    this.#interests.open();
    this.#carrier.open();
    this.#owner.changed("up");
  }

  #lose(): void {
    this.#state = "down";
    this.#interests.shut();
    this.#carrier.shut();
    this.#owner.changed("down");
  }

  /** Takes the driver's membership. @returns The membership that the server gets. */
  #enter(membership: BackplaneMembership): BackplaneMembership {
    this.#membership = membership;
    this.#state = "down";
    if (this.#early === "up") this.#reach();
    const { history } = membership;
    return {
      publish(topic, envelope) {
        if (isReserved(topic)) throw new BackplaneError("REFUSED");
        return membership.publish(topic, envelope);
      },
      subscribe: (topic) => (isReserved(topic) ? undefined : membership.subscribe(topic)),
      unsubscribe: (topic) => (isReserved(topic) ? undefined : membership.unsubscribe(topic)),
      ...(history && { history: history.bind(membership) }),
      leave: (signal) => {
        this.#owner.leaving();
        this.#state = "left";
        this.#carrier.close();
        this.#interests.close();
        const left = membership.leave(signal);
        if (!isPromise(left)) {
          this.#carrier.abandon();
          return undefined;
        }
        const abandon = (): void => {
          this.#carrier.abandon();
        };
        whenSettled(left, abandon, abandon);
        return left;
      },
    };
  }
}
