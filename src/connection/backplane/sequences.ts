/**
 * Numbers on publications, by which the servers find out for themselves, over any broker, what came twice and what never came.
 *
 * @module
 */

import { RecentMap } from "./recent.ts";

/** Topics whose sequence a node goes on with; of one that was not published to for long it begins a new one. */
const mostTopics = 16_384;
/** Publishing nodes that are remembered of a topic. */
const mostNodes = 1024;

/** A place among what a node has published to a topic. */
interface Place {
  series: number;
  sequence: number;
}

/** Numbers what this node publishes. */
export class OutgoingSequences {
  readonly #places = new RecentMap<string, Place>(mostTopics);
  #series = 0;

  /** Gives the place of the next publication; to be read before the next call. */
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

/** The last place that came of a node's publications, and what gaps of it have been told already. */
interface Seen extends Place {
  /** How many gaps of all topics had been told when it came. */
  told: number;
}

/** Compares what comes with what has come. */
export class IncomingSequences {
  readonly #topics = new Map<string, RecentMap<string, Seen>>();
  /** Gaps of all topics that somebody else has told. */
  #told = 0;

  /**
   * Takes note of a publication.
   *
   * @param node Who has published it.
   * @returns How many are missing in front of it, 0 as a rule. -1: it has come before, or later than one behind it, and is not to
   * be delivered. Of a node that is new on the topic nothing is missing: it may have published before this one subscribed.
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

  /** A gap of all topics was told: what is missing across it is not told again. */
  toldGap(): void {
    this.#told++;
  }

  /** Forgets a topic: it is subscribed to no more. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }
}
