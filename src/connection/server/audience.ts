/**
 * The subscribers of one topic.
 *
 * Each knows its place in a list, since in a `Set` one that subscribes again and again is found behind all the holes that it has
 * left: see src/returning-map.ts.
 *
 * @module
 */

/** That one is subscribed to a topic. For its audience alone to write. */
export class Subscription<Receiver> {
  readonly receiver: Receiver;
  /** Its place in the audience. */
  at = 0;

  constructor(receiver: Receiver) {
    this.receiver = receiver;
  }
}

/** Empty places that are always kept. */
const fewEmpty = 32;

/** Subscribers in the order in which they have come. */
export class Audience<Receiver> {
  /** Undefined where somebody has left. */
  #places: (Subscription<Receiver> | undefined)[] = [];
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds one. */
  add(subscription: Subscription<Receiver>): void {
    subscription.at = this.#places.length;
    this.#places.push(subscription);
    this.#size++;
  }

  /** Takes one out, which must be in. */
  remove(subscription: Subscription<Receiver>): void {
    const places = this.#places;
    places[subscription.at] = undefined;
    this.#size--;
    while (places.length > 0 && places.at(-1) === undefined) places.pop();
    if (places.length > 2 * this.#size + fewEmpty) this.#closeRanks();
  }

  /** Gives them as an array of the caller's own: who comes or goes meanwhile changes nothing in it. */
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
