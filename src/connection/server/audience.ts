/**
 * The subscribers of one topic.
 *
 * Each subscription knows its place in a list. A `Set` would be slow: an element that is removed and added again and again is
 * found only after all the holes that it has left (see src/returning-map.ts).
 *
 * @module
 */

/** The subscription of one receiver to a topic. Only its audience may write to it. */
export class Subscription<Receiver> {
  readonly receiver: Receiver;
  /** Its index in the audience's list. */
  at = 0;

  constructor(receiver: Receiver) {
    this.receiver = receiver;
  }
}

/** Number of empty places that an audience always keeps. */
const fewEmpty = 32;

/** The subscribers of a topic, in the order in which they subscribed. */
export class Audience<Receiver> {
  /** Undefined at the place of a subscriber that has left. */
  #places: (Subscription<Receiver> | undefined)[] = [];
  #size = 0;

  /** Number of subscribers. */
  get size(): number {
    return this.#size;
  }

  /** Adds a subscriber. */
  add(subscription: Subscription<Receiver>): void {
    subscription.at = this.#places.length;
    this.#places.push(subscription);
    this.#size++;
  }

  /** Removes a subscriber, which must be in the audience. */
  remove(subscription: Subscription<Receiver>): void {
    const places = this.#places;
    places[subscription.at] = undefined;
    this.#size--;
    while (places.length > 0 && places.at(-1) === undefined) places.pop();
    if (places.length > 2 * this.#size + fewEmpty) this.#closeRanks();
  }

  /** Gives the subscribers in a new array, which later changes do not affect. */
  receivers(): Receiver[] {
    const receivers: Receiver[] = [];
    for (const subscription of this.#places) {
      if (subscription !== undefined) receivers.push(subscription.receiver);
    }
    return receivers;
  }

  #closeRanks(): void {
    const old = this.#places;
    this.#places = [];
    this.#size = 0;
    for (const subscription of old) if (subscription !== undefined) this.add(subscription);
  }
}
