/**
 * The queue of publications that wait for the broker, or for its answer: bounded in bytes and in time, in the order of
 * publishing.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../../clock.ts";
import { type Deferred, isPromise, newDeferred, rejected, whenSettled } from "../../deferred.ts";
import { BackplaneError } from "../../errors.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import { type Linked, LinkedList } from "../../linked-list.ts";
import type { Position } from "./history.ts";

/** Which publications are given up at `maxWaiting`: the new one, or those that have waited longest. */
export type CarryingOverflow = "newest" | "oldest";

/** The limits of waiting publications. */
export interface CarrierSettings {
  /** Bytes that may wait for the broker, or for its answer. */
  readonly maxWaiting: number;
  readonly overflow: CarryingOverflow;
  /** Milliseconds until a publication is given up. */
  readonly timeout: number;
}

/** What a carrier asks of its owner, and tells it. */
export interface CarrierOwner {
  /** Gives an envelope to the broker. May throw. */
  publish(topic: string, envelope: Uint8Array): Awaitable<Position | void>;
  /** The broker has taken a publication. @param milliseconds The time since it was published. */
  carried(milliseconds: number): void;
  /** A publication was refused or given up. */
  failed(error: BackplaneError): void;
}

/** Bytes that count for each publication, besides those of its topic and envelope. */
const overhead = 64;

/** One publication. */
class Parcel implements Linked<Parcel> {
  previous: Parcel | undefined = undefined;
  next: Parcel | undefined = undefined;
  readonly topic: string;
  readonly envelope: Uint8Array;
  readonly size: number;
  readonly deferred: Deferred<Position | undefined> = newDeferred<Position | undefined>();
  /** Milliseconds on the clock when it was published. */
  readonly since: number;
  /**
   * "waiting": the broker does not have it. "under way": the driver has it, and has not answered. "done": carried, refused or
   * given up. "overdue": given up while the driver still holds it, so its bytes still count.
   */
  state: "waiting" | "under way" | "overdue" | "done" = "waiting";

  constructor(topic: string, envelope: Uint8Array, since: number) {
    this.topic = topic;
    this.envelope = envelope;
    this.size = overhead + 2 * topic.length + envelope.length;
    this.since = since;
  }
}

/** Carries the publications of one server. */
export class Carrier {
  readonly #settings: CarrierSettings;
  readonly #deadlines: Deadlines;
  readonly #owner: CarrierOwner;
  /** The parcels that are "waiting" or "under way", in the order of publishing. */
  readonly #parcels = new LinkedList<Parcel>();
  #waiting = 0;
  /** Bytes of the parcels that are "waiting", "under way" or "overdue". */
  #bytes = 0;
  /** "open": the broker can be reached. "shut": publications wait. "left": nothing is carried any more. */
  #state: "open" | "shut" | "left" = "shut";
  #deadline: Deadline | undefined;

  constructor(settings: CarrierSettings, deadlines: Deadlines, owner: CarrierOwner) {
    this.#settings = settings;
    this.#deadlines = deadlines;
    this.#owner = owner;
  }

  /** Bytes that wait for the broker, or for its answer. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Carries an envelope, now or as soon as the broker can be reached.
   *
   * @returns Resolves when the broker has the envelope, with the position that the broker gave. Rejects with a `BackplaneError`;
   * a rejection that nobody awaits is not reported as unhandled.
   */
  carry(topic: string, envelope: Uint8Array): Promise<Position | undefined> {
    if (this.#state === "left") return this.#refuse(new BackplaneError("LEFT"));
    const parcel = new Parcel(topic, envelope, this.#deadlines.now());
    if (!this.#makeRoom(parcel.size)) return this.#refuse(new BackplaneError("QUEUE_FULL"));
    const isNext = this.#state === "open" && this.#waiting === 0;
    this.#bytes += parcel.size;
    this.#waiting++;
    this.#parcels.add(parcel);
    if (isNext) this.#send(parcel);
    if (this.#parcels.size > 0) {
      this.#deadline ??= this.#deadlines.after(this.#settings.timeout, this.#expire);
    }
    return parcel.deferred.promise;
  }

  /** The broker can be reached: sends the waiting publications, in order. */
  open(): void {
    this.#state = "open";
    for (const parcel of [...this.#parcels]) {
      // If the driver refuses one at once, the broker is away again. Later publications must not overtake it.
      if (parcel.state === "waiting" && !this.#send(parcel)) return;
    }
  }

  /** The broker is away: new publications wait from now on. */
  shut(): void {
    this.#state = "shut";
  }

  /** Refuses new publications, and gives up those that wait. Those that are under way stay so. */
  close(): void {
    this.#state = "left";
    for (const parcel of [...this.#parcels]) {
      if (parcel.state === "waiting") this.#giveUp(parcel, new BackplaneError("LEFT"));
    }
  }

  /** Gives up also those that are under way, because the driver will not answer any more. */
  abandon(): void {
    for (const parcel of [...this.#parcels]) this.#giveUp(parcel, new BackplaneError("LEFT"));
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** Makes room for a publication of `size` bytes, as `overflow` allows. If nothing else counts, any size fits. */
  #makeRoom(size: number): boolean {
    const { maxWaiting, overflow } = this.#settings;
    let parcel = overflow === "oldest" ? this.#parcels.first : undefined;
    while (parcel !== undefined && this.#waiting > 0 && this.#bytes + size > maxWaiting) {
      const { next } = parcel;
      if (parcel.state === "waiting") this.#giveUp(parcel, new BackplaneError("QUEUE_FULL"));
      parcel = next;
    }
    return this.#bytes === 0 || this.#bytes + size <= maxWaiting;
  }

  /** Gives a publication to the driver. @returns False if it has to wait after all. */
  #send(parcel: Parcel): boolean {
    parcel.state = "under way";
    this.#waiting--;
    let result: Awaitable<Position | void>;
    try {
      result = this.#owner.publish(parcel.topic, parcel.envelope);
    } catch (error) {
      return this.#refused(parcel, error);
    }
    if (isPromise(result)) {
      whenSettled(
        result,
        (position) => {
          this.#took(parcel, position as Position | undefined);
        },
        (error) => void this.#refused(parcel, error),
      );
    } else this.#took(parcel, result ?? undefined);
    return true;
  }

  #took(parcel: Parcel, position: Position | undefined): void {
    this.#owner.carried(this.#deadlines.now() - parcel.since);
    if (parcel.state === "overdue") {
      this.#bytes -= parcel.size;
      return;
    }
    this.#remove(parcel);
    parcel.deferred.resolve(position);
  }

  /** The driver has refused a publication. @returns False if it waits for another attempt. */
  #refused(parcel: Parcel, error: unknown): boolean {
    if (parcel.state === "overdue") {
      this.#bytes -= parcel.size;
      return true;
    }
    const isOurs = error instanceof BackplaneError;
    if (isOurs && error.code === "DOWN" && this.#state !== "left") {
      parcel.state = "waiting";
      this.#waiting++;
      return false;
    }
    this.#remove(parcel);
    this.#fail(parcel, isOurs ? error : new BackplaneError("REFUSED", { cause: error }));
    return true;
  }

  readonly #expire = (): void => {
    this.#deadline = undefined;
    const { timeout } = this.#settings;
    const now = this.#deadlines.now();
    for (let first = this.#parcels.first; first !== undefined; first = this.#parcels.first) {
      const left = first.since + timeout - now;
      if (left > 0) {
        this.#deadline = this.#deadlines.after(left, this.#expire);
        return;
      }
      this.#giveUp(first, new BackplaneError("TIMEOUT"));
    }
  };

  #giveUp(parcel: Parcel, error: BackplaneError): void {
    if (parcel.state === "waiting") {
      this.#waiting--;
      this.#remove(parcel);
    } else {
      this.#parcels.delete(parcel);
      parcel.state = "overdue";
    }
    this.#fail(parcel, error);
  }

  #remove(parcel: Parcel): void {
    this.#parcels.delete(parcel);
    this.#bytes -= parcel.size;
    parcel.state = "done";
  }

  #fail(parcel: Parcel, error: BackplaneError): void {
    parcel.deferred.reject(error);
    this.#owner.failed(error);
  }

  #refuse(error: BackplaneError): Promise<never> {
    this.#owner.failed(error);
    return rejected(error);
  }
}
