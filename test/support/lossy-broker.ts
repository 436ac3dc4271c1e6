import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";
import { BackplaneError } from "../../src/errors.ts";

interface Letter {
  readonly from: BackplaneMember;
  readonly topic: string;
  readonly bytes: Uint8Array;
}

/** One member's part of it. */
interface Place {
  readonly topics: Set<string>;
  /** What is on its way to it, in order. */
  readonly letters: Letter[];
  isUp: boolean;
}

/**
 * A broker in memory that delivers when a test says so, loses what a test says, and can be cut off from each member. What one member
 * publishes comes in order, or not at all.
 */
export class LossyBroker implements Backplane {
  readonly #places = new Map<BackplaneMember, Place>();
  /** Tells whether something is lost on its way to a member. */
  loses: (topic: string, to: string) => boolean = () => false;
  /** Is shown what is published. */
  sees: (topic: string, bytes: Uint8Array) => void = () => {};
  /** Tells whether something comes to a member twice. */
  doubles: (topic: string, to: string) => boolean = () => false;
  /** What was published: "sender topic", by the first digits of ids. */
  readonly lines: string[] = [];

  join(member: BackplaneMember): BackplaneMembership {
    const place: Place = { topics: new Set(), letters: [], isUp: true };
    this.#places.set(member, place);
    return {
      publish: (topic, bytes) => {
        if (!place.isUp) throw new BackplaneError("DOWN");
        this.sees(topic, bytes);
        this.lines.push(`${member.id.slice(0, 2)} ${topic}`);
        for (const [other, { topics, letters, isUp }] of this.#places) {
          if (!isUp || !topics.has(topic) || this.loses(topic, other.id)) continue;
          letters.push({ from: member, topic, bytes });
          if (this.doubles(topic, other.id)) letters.push({ from: member, topic, bytes });
        }
      },
      subscribe: (topic) => {
        if (!place.isUp) throw new BackplaneError("DOWN");
        place.topics.add(topic);
      },
      unsubscribe: (topic) => {
        place.topics.delete(topic);
      },
      leave: () => {
        this.#places.delete(member);
      },
    };
  }

  /** Delivers what is on its way to one member, or to all. @param most Messages. @returns How many there were. */
  deliver(to?: BackplaneMember, most = Infinity): number {
    let count = 0;
    for (const [member, { letters }] of this.#places) {
      if (to !== undefined && member !== to) continue;
      for (const { topic, bytes } of letters.splice(0, most)) {
        count++;
        member.deliver(topic, bytes);
      }
    }
    return count;
  }

  /** A member's process has died: nothing is said about it. */
  kill(member: BackplaneMember): void {
    this.#places.delete(member);
  }

  /** A member is cut off: what is on its way to it is lost. */
  cut(member: BackplaneMember): void {
    const place = this.#places.get(member)!;
    if (!place.isUp) return;
    place.isUp = false;
    place.topics.clear();
    place.letters.length = 0;
    member.state("down");
  }

  /** It is there again. */
  mend(member: BackplaneMember): void {
    const place = this.#places.get(member)!;
    if (place.isUp) return;
    place.isUp = true;
    for (const topic of member.topics()) place.topics.add(topic);
    member.state("up");
    member.gap();
  }

  /** Sends bytes to all who have subscribed, as whoever is on the broker can. */
  send(topic: string, bytes: Uint8Array): void {
    for (const [member, { topics }] of this.#places) {
      if (topics.has(topic)) member.deliver(topic, bytes);
    }
  }
}
