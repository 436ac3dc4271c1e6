/**
 * Who is there: nodes that have been heard of, by their signs of life.
 *
 * Theory of operation. A node says "hello" once, to all, and each answers "here": so it knows the others one round trip later. From
 * then on all say "here" every few seconds. One of which nothing has come for too long has left; one that says "bye" has, too, and does
 * not come back, since the next start has another id. Ages are told, never points in time: clocks of machines differ.
 *
 * Silence of others counts only while this node can hear. It cannot while the broker is away, while the broker has not taken this node's
 * own last sign of life, and while this process stood still: after each of these all others have their time again.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import { RecentMap } from "../connection/backplane/recent.ts";
import { reservedPrefix } from "../connection/backplane/reserved.ts";
import { whenSettled } from "../deferred.ts";
import { isShortJson } from "./json.ts";
import type { Head, MessageKind, NodeMessage } from "./message.ts";
import { isWhole } from "./message.ts";
import { longestInfo, type NodeEntry, type NodesSettings, type NodesState } from "./options.ts";

/** The topic that all nodes hear. */
export const allTopic: string = `${reservedPrefix}nodes`;

/** The topic that one node hears. */
export function topicOf(id: string): string {
  return `${reservedPrefix}node:${id}`;
}

/** What a roster asks for and tells. */
export interface RosterOwner {
  readonly deadlines: Deadlines;
  readonly line: {
    readonly state: "joining" | "up" | "down" | "left";
    subscribe(topic: string): Promise<boolean>;
  };
  /** Says something. @returns As `Line.publish`. */
  say(topic: string, kind: MessageKind, head: Head): Promise<unknown>;
  joined(node: NodeEntry): void;
  /** One that is known asks who is there: it has not listened to what was said to it before. */
  greeted(id: string): void;
  left(node: NodeEntry, why: "left" | "silent"): void;
  state(now: NodesState): void;
  /** There are more nodes than may be. */
  tooMany(): void;
  /** It is time for a sign of life; the others know of it. */
  beat(): void;
}

/** Another node. */
interface Peer {
  readonly id: string;
  readonly info: unknown;
  /** When it began, in milliseconds on this node's own clock. */
  readonly began: number;
  /** When something came from it, likewise. */
  heardAt: number;
  /** The number of the last message that came from it, to all and to this node alone. */
  readonly numbers: { all: number; own: number };
}

/** Nodes that have said "bye", of which something may still come by another way. */
const mostDeparted = 1024;

/** The nodes of one backplane, as one of them knows them. */
export class Roster {
  readonly #owner: RosterOwner;
  readonly #settings: NodesSettings;
  readonly #peers = new Map<string, Peer>();
  readonly #departed = new RecentMap<string, true>(mostDeparted);
  /** Who was asked to say "hello" since the last beat. */
  readonly #asked = new Set<string>();
  readonly #began: number;
  #id = "";
  #state: NodesState = "joining";
  #beating: Deadline | undefined;
  #lastBeat = 0;
  /** What became of the last sign of life: the broker has "taken" it, or given no answer: "under way". "lost": it was given up. */
  #sign: "taken" | "under way" | "lost" = "taken";
  #hasTooMany = false;

  constructor(settings: NodesSettings, owner: RosterOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#began = owner.deadlines.now();
  }

  /** This node's id; empty until its server has joined. */
  get id(): string {
    return this.#id;
  }

  /** How it is with the others. */
  get state(): NodesState {
    return this.#state;
  }

  /** The ids of the others. */
  get others(): string[] {
    return [...this.#peers.keys()];
  }

  /** Tells whether another node is there. */
  has(id: string): boolean {
    return this.#peers.has(id);
  }

  /** All that are there, this node first. */
  list(): NodeEntry[] {
    const now = this.#owner.deadlines.now();
    const { info } = this.#settings;
    const own: NodeEntry = { id: this.#id, info, age: this.#age(), silence: 0 };
    return [own, ...Array.from(this.#peers.values(), (peer) => entryOf(peer, now))];
  }

  /** The server has joined, and has an id. */
  begin(id: string): void {
    this.#id = id;
    this.#lastBeat = this.#owner.deadlines.now();
    this.#beatLater();
  }

  /** The broker can be reached, or no more. */
  changed(now: "up" | "down"): void {
    if (now === "up") void this.#see();
    else if (this.#state === "seeing") this.#become("blind");
  }

  /** The server leaves. */
  leave(): void {
    this.#beating?.cancel();
    if (this.#owner.line.state === "up") void this.#owner.say(allTopic, "bye", {});
    this.#peers.clear();
    this.#become("left");
  }

  /**
   * Takes note of a message's sender.
   *
   * @returns Whether it is to be listened to. Who is not known is asked who it is.
   */
  hear(message: NodeMessage): boolean {
    const { sender, kind, head } = message;
    if (this.#departed.get(sender) !== undefined) return false;
    const peer = this.#peers.get(sender);
    if (kind === "bye") {
      this.#departed.set(sender, true);
      this.#asked.delete(sender);
      if (peer !== undefined) this.#remove(peer, "left");
      return peer !== undefined;
    }
    if (peer === undefined) {
      if (kind === "here" || kind === "hello") return this.#add(sender, kind, head);
      this.#askWho(sender);
      return false;
    }
    peer.heardAt = this.#owner.deadlines.now();
    if (kind === "hello") {
      this.#sayHere(sender);
      this.#owner.greeted(sender);
    }
    return true;
  }

  /**
   * Takes note of a numbered message.
   *
   * @param way Whom it was said to.
   * @returns Its number; undefined where it has come before, or has none, or its sender is not known.
   */
  take(sender: string, way: "all" | "own", number: unknown): number | undefined {
    const numbers = this.#peers.get(sender)?.numbers;
    if (numbers === undefined || !isWhole(number) || number <= numbers[way]) return undefined;
    numbers[way] = number;
    return number;
  }

  /** Subscribes, and says that this node is there. */
  async #see(): Promise<void> {
    const { line } = this.#owner;
    const heard = await Promise.all(
      [allTopic, topicOf(this.#id)].map((topic) => line.subscribe(topic)),
    );
    // It may have been lost meanwhile. Where the broker has not taken it, the next beat tries again.
    if (line.state !== "up" || heard.includes(false) || this.#state === "seeing") return;
    const isFirst = this.#state === "joining";
    this.#grant();
    this.#say(isFirst ? "hello" : "here");
    this.#become("seeing");
  }

  #beatLater(): void {
    const { heartbeat } = this.#settings;
    // Not all at once: nodes are often started together.
    const wait = heartbeat * (0.8 + 0.4 * Math.random());
    this.#beating = this.#owner.deadlines.after(wait, () => {
      this.#beat();
    });
  }

  #beat(): void {
    const now = this.#owner.deadlines.now();
    const { heartbeat, silence } = this.#settings;
    const stoodStill = now - this.#lastBeat > 2 * heartbeat;
    this.#lastBeat = now;
    this.#beatLater();
    this.#asked.clear();
    if (stoodStill) this.#grant();
    if (this.#state === "seeing" && this.#sign !== "taken") this.#become("blind");
    if (this.#state !== "seeing") {
      this.#lookAgain();
      return;
    }
    for (const peer of [...this.#peers.values()]) {
      if (now - peer.heardAt > silence) this.#remove(peer, "silent");
    }
    this.#say("here");
    this.#owner.beat();
  }

  /** It does not see: where the broker is there, it is tried. */
  #lookAgain(): void {
    if (this.#owner.line.state !== "up") return;
    if (this.#sign === "taken") void this.#see();
    else if (this.#sign === "lost") this.#say("here");
  }

  /** All others have their time again: what they said meanwhile could not be heard. */
  #grant(): void {
    const now = this.#owner.deadlines.now();
    for (const peer of this.#peers.values()) peer.heardAt = now;
  }

  /** Says that it is there, to all, and notes whether the broker takes it. */
  #say(kind: "here" | "hello"): void {
    this.#sign = "under way";
    whenSettled(
      this.#owner.say(allTopic, kind, this.#here()),
      () => {
        this.#sign = "taken";
        if (this.#state === "blind") void this.#see();
      },
      () => {
        this.#sign = "lost";
      },
    );
  }

  #sayHere(to: string): void {
    void this.#owner.say(topicOf(to), "here", this.#here());
  }

  #here(): Head {
    return { age: Math.round(this.#age()), info: this.#settings.info };
  }

  #age(): number {
    return this.#owner.deadlines.now() - this.#began;
  }

  #askWho(sender: string): void {
    if (this.#asked.has(sender) || this.#asked.size >= this.#settings.maxNodes) return;
    this.#asked.add(sender);
    void this.#owner.say(topicOf(sender), "hello", this.#here());
  }

  #add(id: string, kind: "here" | "hello", { age, info }: Head): boolean {
    if (this.#state === "left" || !isWhole(age) || !isShortJson(info, longestInfo)) return false;
    if (this.#peers.size >= this.#settings.maxNodes) {
      if (!this.#hasTooMany) this.#owner.tooMany();
      this.#hasTooMany = true;
      return false;
    }
    const now = this.#owner.deadlines.now();
    const peer = { id, info, began: now - age, heardAt: now, numbers: { all: 0, own: 0 } };
    this.#peers.set(id, peer);
    // In front of what is said to it because it is there: it listens to those alone that it knows.
    if (kind === "hello") this.#sayHere(id);
    this.#owner.joined(entryOf(peer, now));
    return true;
  }

  #remove(peer: Peer, why: "left" | "silent"): void {
    this.#peers.delete(peer.id);
    this.#hasTooMany = false;
    this.#owner.left(entryOf(peer, this.#owner.deadlines.now()), why);
  }

  #become(state: NodesState): void {
    if (this.#state === state || this.#state === "left") return;
    this.#state = state;
    this.#owner.state(state);
  }
}

function entryOf({ id, info, began, heardAt }: Peer, now: number): NodeEntry {
  return { id, info, age: now - began, silence: now - heardAt };
}
