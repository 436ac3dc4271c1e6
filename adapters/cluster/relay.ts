/**
 * The relay in a parent, for the servers in its children. It knows the topics of each server, and passes publications on to them.
 *
 * Theory of operation. Each server has a seat with its topics and the bytes that its channel has not written yet. If these are
 * too many, the server loses messages. Once half of them are written, it is told of the gap. One "done" answers all letters of
 * a server that come in one turn of the event loop.
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

/** The part of `node:cluster` that the relay uses in the primary. */
export interface ClusterPrimary {
  /** The workers that run now. */
  readonly workers?: { readonly [id: string]: ClusterChannel | undefined } | undefined;
  /** Adds a listener for "fork", which gets each worker that is started. */
  on(event: "fork", listener: (worker: ClusterChannel) => void): unknown;
}

/** The options of a relay. */
export interface ClusterRelayOptions {
  /**
   * The most bytes that may wait in the parent for one server that does not read. One message may always wait. The server loses
   * messages beyond that, and is told of the gap. Default: 16 777 216; 0 or Infinity for no limit.
   */
  readonly maxWaiting?: number | undefined;
}

/** Passes publications on among the children of this process. */
export interface ClusterRelay {
  /** Adds a child. When the child ends, the relay forgets its servers and their topics. */
  add(child: ClusterChannel): void;
}

const table: OptionTable<ClusterRelayOptions> = { maxWaiting: number };

/**
 * Makes the relay of a parent process, for children that use `clusterBackplane`.
 *
 * @param cluster `node:cluster`. The relay adds all its workers itself, also those that start later. Default: none.
 * @throws {TypeError} An option has a wrong type. @throws {RangeError} `maxWaiting` is NaN or below 0.
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

/** The bytes that are counted for each message beside its own. */
const overhead = 64;

/** A server in a child. */
interface Seat {
  readonly node: string;
  readonly channel: ClusterChannel;
  /** Whether the channel carries bytes unchanged. */
  readonly bytes: boolean;
  readonly topics: Set<string>;
  /** Bytes that were given to the channel and are not written yet. */
  waiting: number;
  /** Topics whose messages were lost, until the server is told of the gap. */
  readonly lost: Set<string>;
  /** The number of the last letter that was handled. */
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
  /** Seats that get "done" at the end of this turn of the event loop. */
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
      // If the probe has come as bytes, the channel carries bytes both ways.
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
    // Each form is made at most once for all seats.
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
      // The gap is reported when there is room, since the letter would wait behind all the messages.
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

/** Sends a letter. If the child is gone, its event "disconnect" or "exit" reports that. */
function send(channel: ClusterChannel, letter: RelayLetter, written = (): void => {}): void {
  channel.send?.(letter, written);
}
