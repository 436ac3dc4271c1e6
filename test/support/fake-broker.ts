import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";

/**
 * A broker in memory, and a driver for it: it gives everything back to whoever has published it, too, and can be taken away. What
 * is published while it is away is refused with what `refusal` gives.
 */
export class FakeBroker implements Backplane {
  readonly members = new Set<BackplaneMember>();
  readonly #topics = new Map<BackplaneMember, Set<string>>();
  /** What it was asked for, in order. */
  readonly lines: string[] = [];
  /** What its answers wait for. Default: nothing. */
  gate: Promise<unknown> | undefined;
  /** What it changes of what goes through it: one envelope may become several. */
  onTheWay = (envelope: Uint8Array): Uint8Array[] => [envelope];

  join(member: BackplaneMember): BackplaneMembership {
    const topics = new Set<string>();
    this.members.add(member);
    this.#topics.set(member, topics);
    return {
      publish: async (topic, envelope) => {
        this.lines.push(`publish ${topic}`);
        await this.gate;
        for (const bytes of this.onTheWay(envelope)) this.send(topic, bytes);
      },
      subscribe: async (topic) => {
        this.lines.push(`subscribe ${topic}`);
        await this.gate;
        topics.add(topic);
      },
      unsubscribe: async (topic) => {
        this.lines.push(`unsubscribe ${topic}`);
        topics.delete(topic);
      },
      leave: async () => {
        this.lines.push("leave");
        this.members.delete(member);
        await this.gate;
      },
    };
  }

  /** Gives something to all who have subscribed, as whoever else is on the broker might. */
  send(topic: string, bytes: Uint8Array): void {
    for (const member of this.members) {
      if (this.#topics.get(member)!.has(topic)) member.deliver(topic, bytes);
    }
  }

  /** It is away: all subscriptions are lost. */
  goDown(reason?: unknown): void {
    for (const topics of this.#topics.values()) topics.clear();
    for (const member of this.members) member.state("down", reason);
  }

  /** It is back, and everybody subscribes again. */
  comeUp(): void {
    for (const member of this.members) {
      for (const topic of member.topics()) this.#topics.get(member)!.add(topic);
      member.state("up");
      member.gap();
    }
  }
}
