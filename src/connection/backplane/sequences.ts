/**
 * Numbers on publications. By them servers find duplicates and missing messages themselves, over any broker.
 *
 * @module
 */

import { RecentMap } from "./recent.ts";

/** The number of topics whose sequences a node remembers. For a topic that it has forgotten, it begins a new sequence. */
const mostTopics = 16_384;
/** The number of publishing nodes that are remembered for each topic. */
const mostNodes = 1024;

/** The place of a message among those that a node has published to a topic. */
interface Place {
  series: number;
  sequence: number;
}

/** Numbers the publications of this node. */
export class OutgoingSequences {
  readonly #places = new RecentMap<string, Place>(mostTopics);
  #series = 0;

  /** Gives the place of the next publication. The next call may change the object, so read it before. */
  next(topic: string): Readonly<Place> {
    let place = this.#places.get(topic);
    if (place === undefined) {
      place = { series: this.#series, sequence: 0 };
      this.#series = (this.#series + 1) >>> 0;
      this.#places.set(topic, place);
    }
    place.sequence++;
    return place;
  }
}

/** The place of the last message that came from a node. */
interface Seen extends Place {
  /** The number of gaps in all topics that had been told when the message came. */
  told: number;
}

/** Compares each message that comes with those before. */
export class IncomingSequences {
  readonly #topics = new Map<string, RecentMap<string, Seen>>();
  /** Number of gaps in all topics that the driver has told. */
  #told = 0;

  /**
   * Notes a publication, and finds duplicates and missing messages.
   *
   * @param node The node that published it.
   * @returns The number of messages that are missing before it, usually 0; always 0 for the first message of a node, since that
   * node may have published before this one subscribed. -1: this message, or a later one, has come before; do not deliver it.
   */
  take(topic: string, node: string, series: number, sequence: number): number {
    let nodes = this.#topics.get(topic);
    if (nodes === undefined) this.#topics.set(topic, (nodes = new RecentMap(mostNodes)));
    const seen = nodes.get(node);
    if (seen === undefined) {
      nodes.set(node, { series, sequence, told: this.#told });
      return 0;
    }
    if (series < seen.series || (series === seen.series && sequence <= seen.sequence)) return -1;
    const expected = series === seen.series ? seen.sequence + 1 : 1;
    const missing = seen.told === this.#told ? sequence - expected : 0;
    seen.series = series;
    seen.sequence = sequence;
    seen.told = this.#told;
    return missing;
  }

  /** The driver has told a gap in all topics: messages that are missing across it do not count again. */
  toldGap(): void {
    this.#told++;
  }

  /** Forgets a topic, because this node is not subscribed to it any more. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }
}
