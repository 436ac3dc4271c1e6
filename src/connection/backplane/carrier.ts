/**
 * What waits to be carried to other servers: bounded in bytes and in time, in the order of publishing.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../../clock.ts";
import { type Deferred, isPromise, newDeferred, rejected, whenSettled } from "../../deferred.ts";
import { BackplaneError } from "../../errors.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import { type Linked, LinkedList } from "../../linked-list.ts";
import type { Position } from "./history.ts";

/** Which message is given up where more waits than may: the one that comes, or those that have waited longest. */
export type CarryingOverflow = "newest" | "oldest";

/** What holds for publications that wait. */
export interface CarrierSettings {
  /** Bytes that may wait, or be under way to the broker without its answer. */
  readonly maxWaiting: number;
  readonly overflow: CarryingOverflow;
  /** Milliseconds until one is given up. */
  readonly timeout: number;
}

/** What a carrier asks for and tells. */
export interface CarrierOwner {
  /** Gives an envelope to the broker. May throw. */
  publish(topic: string, envelope: Uint8Array): Awaitable<Position | void>;
  /** The broker has taken one. @param milliseconds How long that took. */
  carried(milliseconds: number): void;
  /** One was given up. */
  failed(error: BackplaneError): void;
}

/** What is counted for each, beside its bytes. */
const overhead = 64;

/** One publication on its way. */
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
   * "waiting" for the broker to be there; "under way" to it. Then "done"; or "overdue": given up, but what carries it has not
   * let it go, so that its bytes still count.
   */
  state: "waiting" | "under way" | "overdue" | "done" = "waiting";

  constructor(topic: string, envelope: Uint8Array, since: number) {
    this.topic = topic;
    this.envelope = envelope;
    this.size = overhead + 2 * topic.length + envelope.length;
    this.since = since;
  }
}

/** Carries what is published here. */
export class Carrier {
  readonly #settings: CarrierSettings;
  readonly #deadlines: Deadlines;
  readonly #owner: CarrierOwner;
  /** Those that are "waiting" or "under way", in the order of publishing. */
  readonly #parcels = new LinkedList<Parcel>();
  #waiting = 0;
  /** Bytes of those, and of those that are overdue. */
  #bytes = 0;
  /** "open": the broker is there. "shut": what comes waits. "left": nothing is carried any more. */
  #state: "open" | "shut" | "left" = "shut";
  #deadline: Deadline | undefined;

  constructor(settings: CarrierSettings, deadlines: Deadlines, owner: CarrierOwner) {
    this.#settings = settings;
    this.#deadlines = deadlines;
    this.#owner = owner;
  }

  /** Bytes that wait, or are under way to the broker without its answer. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Carries an envelope, now or as soon as the broker is there.
   *
   * @returns Resolves when the broker has it, with the position that it gave. Rejects with a `BackplaneError`; a rejection that nobody awaits is not reported as
   * unhandled.
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

  /** The broker is there: what waits goes to it, in order. */
  open(): void {
    this.#state = "open";
    for (const parcel of [...this.#parcels]) {
      // One that comes back at once finds the broker away again: what is behind it must not overtake it.
      if (parcel.state === "waiting" && !this.#send(parcel)) return;
    }
  }

  /** The broker is away: what comes from now on waits. */
  shut(): void {
    this.#state = "shut";
  }

  /** Nothing new is carried, and what waits is given up. What is under way stays so. */
  close(): void {
    this.#state = "left";
    for (const parcel of [...this.#parcels]) {
      if (parcel.state === "waiting") this.#giveUp(parcel, new BackplaneError("LEFT"));
    }
  }

  /** Gives up what is under way, too: nobody will tell what becomes of it. */
  abandon(): void {
    for (const parcel of [...this.#parcels]) this.#giveUp(parcel, new BackplaneError("LEFT"));
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** Makes room for so many bytes, as the policy allows. One message always finds room, however large. */
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

  /** Gives one to the broker. @returns False where it has to wait after all. */
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

  /** The broker has not taken one. @returns False where it is tried again. */
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
