/**
 * The relay: what a parent does for the servers in its children. It knows who has subscribed to what, and passes on what they publish.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { checkLimit } from "../../src/arguments.ts";
import { checkOptions, number, type OptionTable } from "../../src/check-options.ts";
import {
  type CarriedEnvelope,
  type ClusterChannel,
  isLetter,
  type RelayLetter,
  type ServerLetter,
  toCarry,
} from "./letters.ts";

/** What is used of `node:cluster` in its primary. */
export interface ClusterPrimary {
  /** The workers that run already. */
  readonly workers?: { readonly [id: string]: ClusterChannel | undefined } | undefined;
  /** Adds a listener of "fork", which is told of each worker that is started. */
  on(event: "fork", listener: (worker: ClusterChannel) => void): unknown;
}

/** What holds for a relay. */
export interface ClusterRelayOptions {
  /**
   * Bytes that may wait in the parent for one server that does not read them; one message may always. What comes beyond that is lost
   * for it, and told as a gap. Default: 16 777 216; 0 or Infinity for no limit.
   */
  readonly maxWaiting?: number | undefined;
}

/** Passes publications on between the children of this process. */
export interface ClusterRelay {
  /** Takes a child in; when it ends, what its servers had subscribed to is forgotten. */
  add(child: ClusterChannel): void;
}

const table: OptionTable<ClusterRelayOptions> = { maxWaiting: number };

/**
 * Makes the relay of a parent process, for children that use `clusterBackplane`.
 *
 * @param cluster `node:cluster`: its workers, those of later on, too, need not be added. Default: none.
 * @throws {TypeError} An option is of a wrong type. @throws {RangeError} `maxWaiting` is NaN or below 0.
 */
export function clusterRelay(
  cluster?: ClusterPrimary,
  options: ClusterRelayOptions = {},
): ClusterRelay {
  checkOptions(options, table);
  const { maxWaiting = 16 * 1024 ** 2 } = options;
  checkLimit("maxWaiting", maxWaiting);
  const relay = new Relay(maxWaiting || Infinity);
  cluster?.on("fork", (worker) => {
    relay.add(worker);
  });
  for (const worker of Object.values(cluster?.workers ?? {})) {
    if (worker !== undefined) relay.add(worker);
  }
  return relay;
}

/** What is counted for each message, beside its bytes. */
const overhead = 64;

/** A server in a child. */
interface Seat {
  readonly node: string;
  readonly channel: ClusterChannel;
  /** Whether its channel carries bytes as they are. */
  readonly bytes: boolean;
  readonly topics: Set<string>;
  /** Bytes that have been given to its channel, and are not written yet. */
  waiting: number;
  /** Topics of which messages were lost, until that is told. */
  readonly lost: Set<string>;
  /** The last of its letters that was dealt with. */
  done: number;
}

function newSeat(node: string, channel: ClusterChannel, bytes: boolean): Seat {
  const topics = new Set<string>();
  return { node, channel, bytes, topics, waiting: 0, lost: new Set(), done: 0 };
}

class Relay implements ClusterRelay {
  readonly #maxWaiting: number;
  readonly #children = new Set<ClusterChannel>();
  readonly #topics = new Map<string, Set<Seat>>();
  /** Those that are to be told what has been dealt with, when the turn of the event loop is done. */
  readonly #toTell = new Set<Seat>();

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  add(child: ClusterChannel): void {
    if (this.#children.has(child)) return;
    this.#children.add(child);
    const seats = new Map<string, Seat>();
    const onMessage = (message: unknown): void => {
      if (isLetter(message)) this.#read(message as ServerLetter, child, seats);
    };
    const onEnd = (): void => {
      for (const seat of seats.values()) this.#remove(seat);
      seats.clear();
      this.#children.delete(child);
      child.off("message", onMessage);
      child.off("disconnect", onEnd);
      child.off("exit", onEnd);
    };
    child.on("message", onMessage);
    child.on("disconnect", onEnd);
    child.on("exit", onEnd);
  }

  #read(letter: ServerLetter, channel: ClusterChannel, seats: Map<string, Seat>): void {
    const { node } = letter;
    if (letter.framewire === "join") {
      // What has come as bytes can go as bytes.
      const bytes = letter.probe instanceof Uint8Array;
      seats.set(node, newSeat(node, channel, bytes));
      send(channel, { framewire: "joined", node, bytes });
      return;
    }
    const seat = seats.get(node);
    if (seat === undefined) return;
    switch (letter.framewire) {
      case "publish":
        this.#publish(seat, letter.topic, letter.envelope);
        break;
      case "subscribe":
        this.#subscribe(seat, letter.topic);
        break;
      case "unsubscribe":
        this.#unsubscribe(seat, letter.topic);
        break;
      case "leave":
        this.#remove(seat);
        seats.delete(node);
        break;
    }
    seat.done = letter.call;
    if (this.#toTell.size === 0) setImmediate(this.#tell);
    this.#toTell.add(seat);
  }

  #subscribe(seat: Seat, topic: string): void {
    seat.topics.add(topic);
    const seats = this.#topics.get(topic);
    if (seats === undefined) this.#topics.set(topic, new Set([seat]));
    else seats.add(seat);
  }

  #unsubscribe(seat: Seat, topic: string): void {
    seat.topics.delete(topic);
    const seats = this.#topics.get(topic);
    if (seats?.delete(seat) === true && seats.size === 0) this.#topics.delete(topic);
  }

  #remove(seat: Seat): void {
    for (const topic of [...seat.topics]) this.#unsubscribe(seat, topic);
  }

  #publish(from: Seat, topic: string, envelope: CarriedEnvelope): void {
    const seats = this.#topics.get(topic);
    if (seats === undefined) return;
    // Each form is made once, for all that need it.
    let asBytes: CarriedEnvelope | undefined;
    let asText: CarriedEnvelope | undefined;
    for (const seat of seats) {
      if (seat === from) continue;
      const form = seat.bytes
        ? (asBytes ??= toCarry(envelope, true))
        : (asText ??= toCarry(envelope, false));
      this.#sendTo(seat, topic, form);
    }
  }

  #sendTo(seat: Seat, topic: string, envelope: CarriedEnvelope): void {
    const { channel, node } = seat;
    const size = overhead + 2 * topic.length + envelope.length;
    if (seat.waiting > 0 && seat.waiting + size > this.#maxWaiting) {
      seat.lost.add(topic);
      return;
    }
    seat.waiting += size;
    send(channel, { framewire: "message", node, topic, envelope }, () => {
      seat.waiting -= size;
      // Told when there is room: a letter would wait behind all the others.
      if (seat.lost.size === 0 || seat.waiting > this.#maxWaiting / 2) return;
      const topics = [...seat.lost];
      seat.lost.clear();
      send(channel, { framewire: "gap", node, topics });
    });
  }

  readonly #tell = (): void => {
    for (const seat of this.#toTell) {
      const { channel, node, done } = seat;
      send(channel, { framewire: "done", node, call: done });
    }
    this.#toTell.clear();
  };
}

/** Sends a letter. Where the child is gone, that is told by its end. */
function send(channel: ClusterChannel, letter: RelayLetter, written = (): void => {}): void {
  channel.send?.(letter, written);
}
