/**
 * The nodes that this node has heard of, and whether they are still there.
 *
 * Theory of operation. A new node says "hello" to all, once, and each node answers "here", so the new node knows the others one
 * round trip later. After that all nodes say "here" every few seconds. A node that has been silent for too long has left. A node
 * that says "bye" has left, too. Messages tell ages, never points in time, because the clocks of machines differ.
 *
 * A "bye" may be forged, since every program that can publish on the broker can say it. A "here" that was sent before a "bye" may
 * come after it. So a "here" with a higher age than the "bye" shows that the node lives, and so does any "here" after the time of
 * silence. A node that hears its own "bye" says "here" at once.
 *
 * The silence of others counts only while this node can hear. It cannot hear while the broker is away, while the broker has not
 * taken this node's own last sign of life, or while this process stands still. After each of these, the time of silence starts
 * again for all.
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

/** The topic that all nodes subscribe to. */
export const allTopic: string = `${reservedPrefix}nodes`;

/** The topic that only one node subscribes to. */
export function topicOf(id: string): string {
  return `${reservedPrefix}node:${id}`;
}

/** What a roster asks of its owner, and tells it. */
export interface RosterOwner {
  readonly deadlines: Deadlines;
  readonly line: {
    readonly state: "joining" | "up" | "down" | "left";
    subscribe(topic: string): Promise<boolean>;
  };
  /** Sends a message. @returns As `Line.publish`. */
  say(topic: string, kind: MessageKind, head: Head): Promise<unknown>;
  joined(node: NodeEntry): void;
  /** A known node says "hello": it did not know this node until now, and has dropped the messages of this node to it. */
  greeted(id: string): void;
  left(node: NodeEntry, why: "left" | "silent"): void;
  state(now: NodesState): void;
  /** There are more nodes than `maxNodes`. */
  tooMany(): void;
  /** This node has given a sign of life. */
  beat(): void;
}

/** Another node. */
interface Peer {
  readonly id: string;
  readonly info: unknown;
  /** When the other node began, in milliseconds on this node's own clock. */
  readonly began: number;
  /** When the last message came from it, on the same clock. */
  heardAt: number;
  /** The numbers of the last messages that came from it: one for messages to all, one for messages to this node alone. */
  readonly numbers: { all: number; own: number };
}

/** A node that has said "bye". */
interface Departure {
  /** How old the node was, in milliseconds, as it said itself; Infinity if nobody knows. */
  readonly age: number;
  /** When the "bye" came, on this node's own clock. */
  readonly at: number;
}

/**
 * The number of departed nodes that are remembered, because a late message of theirs may still come, for example by another
 * connection.
 */
const mostDeparted = 1024;

/** The list of nodes that one node keeps. */
export class Roster {
  readonly #owner: RosterOwner;
  readonly #settings: NodesSettings;
  readonly #peers = new Map<string, Peer>();
  readonly #departed = new RecentMap<string, Departure>(mostDeparted);
  /** Ids of unknown nodes that were sent a "hello" since the last beat. */
  readonly #asked = new Set<string>();
  readonly #began: number;
  #id = "";
  #state: NodesState = "joining";
  #beating: Deadline | undefined;
  #lastBeat = 0;
  /** The last sign of life: "taken" by the broker, "under way" without the broker's answer, or "lost" because it was given up. */
  #sign: "taken" | "under way" | "lost" = "taken";
  #hasTooMany = false;
  /** Whether this node has said since the last beat that it lives, because it heard its own "bye". */
  #hasObjected = false;

  constructor(settings: NodesSettings, owner: RosterOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#began = owner.deadlines.now();
  }

  /** This node's id; empty until its server has joined. */
  get id(): string {
    return this.#id;
  }

  /** Whether this node hears the others. */
  get state(): NodesState {
    return this.#state;
  }

  /** The ids of the other nodes. */
  get others(): string[] {
    return [...this.#peers.keys()];
  }

  /** Tells whether another node is known. */
  has(id: string): boolean {
    return this.#peers.has(id);
  }

  /** Gives all known nodes, this node first. */
  list(): NodeEntry[] {
    const now = this.#owner.deadlines.now();
    const { info } = this.#settings;
    const own: NodeEntry = { id: this.#id, info, age: this.#age(), silence: 0 };
    return [own, ...Array.from(this.#peers.values(), (peer) => entryOf(peer, now))];
  }

  /** The server joins, and has an id. */
  begin(id: string): void {
    this.#id = id;
    this.#lastBeat = this.#owner.deadlines.now();
    this.#beatLater();
  }

  /** The state of the broker has changed. */
  changed(now: "up" | "down"): void {
    if (now === "up") void this.#see();
    else if (this.#state === "seeing") this.#become("blind");
  }

  /** The server leaves: says "bye". */
  leave(): void {
    this.#beating?.cancel();
    if (this.#owner.line.state === "up")
      void this.#owner.say(allTopic, "bye", { age: this.#wholeAge() });
    this.#peers.clear();
    this.#become("left");
  }

  /**
   * Notes the sender of a message. Asks an unknown sender for a "here".
   *
   * @returns False if the message must be dropped.
   */
  hear(message: NodeMessage): boolean {
    const { sender, kind, head } = message;
    const peer = this.#peers.get(sender);
    if (kind === "bye") return this.#depart(sender, peer, head.age);
    if (peer === undefined) {
      if (this.#isLate(message)) return false;
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

  /** Somebody has said "bye" in the name of this node. */
  object(): void {
    if (this.#state !== "seeing" || this.#hasObjected) return;
    this.#hasObjected = true;
    this.#say("here");
  }

  /**
   * Notes the number of a message, and finds duplicates.
   *
   * @param way Whether the message went to all nodes or to this node alone.
   * @returns The number; undefined if the message is a duplicate, has no number, or comes from an unknown node.
   */
  take(sender: string, way: "all" | "own", number: unknown): number | undefined {
    const numbers = this.#peers.get(sender)?.numbers;
    if (numbers === undefined || !isWhole(number) || number <= numbers[way]) return undefined;
    numbers[way] = number;
    return number;
  }

  /** Subscribes, and then gives a sign of life. */
  async #see(): Promise<void> {
    const { line } = this.#owner;
    const heard = await Promise.all(
      [allTopic, topicOf(this.#id)].map((topic) => line.subscribe(topic)),
    );
    // The broker may have gone away meanwhile. If it has not taken the subscriptions, the next beat tries again.
    if (line.state !== "up" || heard.includes(false) || this.#state === "seeing") return;
    const isFirst = this.#state === "joining";
    this.#grant();
    this.#say(isFirst ? "hello" : "here");
    this.#become("seeing");
  }

  #beatLater(): void {
    const { heartbeat } = this.#settings;
    // A random time, because nodes are often started together and should not all speak at once.
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
    this.#hasObjected = false;
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

  /** Tries to become "seeing", if the broker can be reached. */
  #lookAgain(): void {
    if (this.#owner.line.state !== "up") return;
    if (this.#sign === "taken") void this.#see();
    else if (this.#sign === "lost") this.#say("here");
  }

  /** Starts the time of silence again for all nodes, because this node could not hear them. */
  #grant(): void {
    const now = this.#owner.deadlines.now();
    for (const peer of this.#peers.values()) peer.heardAt = now;
  }

  /** Gives a sign of life to all nodes, and notes whether the broker takes it. */
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
    return { age: this.#wholeAge(), info: this.#settings.info };
  }

  #wholeAge(): number {
    return Math.round(this.#age());
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
    // This "here" goes first: the new node drops other messages of this node until it knows this node.
    if (kind === "hello") this.#sayHere(id);
    this.#owner.joined(entryOf(peer, now));
    return true;
  }

  /** A node says "bye". @returns False if it is not known. */
  #depart(id: string, peer: Peer | undefined, age: unknown): boolean {
    const now = this.#owner.deadlines.now();
    this.#asked.delete(id);
    if (isWhole(age)) this.#departed.set(id, { age, at: now });
    else this.#departed.set(id, { age: peer === undefined ? Infinity : now - peer.began, at: now });
    if (peer !== undefined) this.#remove(peer, "left");
    return peer !== undefined;
  }

  /** Tells whether a message comes late, from a node that has said "bye". */
  #isLate({ sender, kind, head }: NodeMessage): boolean {
    const departure = this.#departed.get(sender);
    if (departure === undefined) return false;
    if (kind !== "here" && kind !== "hello") return true;
    if (isWhole(head.age) && head.age > departure.age) return false;
    return this.#owner.deadlines.now() - departure.at <= this.#settings.silence;
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
