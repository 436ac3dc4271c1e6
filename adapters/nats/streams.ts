/**
 * A backplane over NATS that keeps what is published, in a stream of JetStream.
 *
 * What is published to a topic goes to a subject of the stream's, and the stream publishes it again on the topic's own, with its place
 * and that of the message in front of it: so all that come are in the order of the stream, and one that is missing is noticed.
 *
 * @module
 */

import { checkLimit, checkMilliseconds } from "../../src/arguments.ts";
import { latin1, readUint32 } from "../../src/bytes.ts";
import {
  callback,
  checkKind,
  checkOptions,
  having,
  milliseconds,
  number,
  type OptionTable,
  text,
} from "../../src/check-options.ts";
import type { Backplane, BackplaneMember } from "../../src/connection/backplane/backplane.ts";
import { nodeIdSize, spellNode } from "../../src/connection/backplane/envelope.ts";
import { histories } from "../../src/connection/backplane/histories.ts";
import type {
  HistoryEntry,
  HistoryPage,
  Position,
} from "../../src/connection/backplane/history.ts";
import { isReserved } from "../../src/connection/backplane/reserved.ts";
import { joinOf, type NatsBackplaneOptions, table } from "./backplane.ts";
import type { NatsConnect, NatsConnection, NatsHeaders, NatsMessage } from "./client.ts";
import { JetStream, type NatsHistory, type StreamConfig, type StreamInfo } from "./jetstream.ts";
import { tokenOf } from "./subjects.ts";

/** How publications are kept in NATS. A stream that is there already stays as it is. */
export interface NatsStreamsOptions extends NatsBackplaneOptions {
  /** The stream's name: letters, digits, "-" and "_". Default: "framewire". */
  readonly stream?: string | undefined;
  /** Messages of each topic that are kept. Default: 1 000. */
  readonly history?: number | undefined;
  /** Milliseconds, from 1000 on, that a message is kept. Default: 86 400 000, a day; 0 or Infinity for no limit. */
  readonly historyTime?: number | undefined;
  /** Servers of a cluster that keep the stream, 1 to 5. Default: 1. */
  readonly replicas?: number | undefined;
  /** Tells which topics have a history: the same on all servers. Default: all. */
  readonly keeps?: ((topic: string) => boolean) | undefined;
}

const streamsTable: OptionTable<NatsStreamsOptions> = /* @__PURE__ */ (() => ({
  ...table,
  stream: text,
  history: number,
  historyTime: milliseconds,
  replicas: number,
  keeps: callback,
}))();

/** What is taken of a client's module. */
export interface NatsModule<Options> {
  /** Opens a connection. */
  readonly connect: NatsConnect<Options>;
  /** Makes headers. */
  readonly headers: () => NatsHeaders;
}

/** Milliseconds in which a message that is given twice is kept once: more than a server tries to. */
const duplicateTime = 120_000;
const nanoseconds = 1_000_000;

/**
 * Makes a backplane that keeps what is published, of a client for NATS 2.9 and later with JetStream.
 *
 * @param nats `nats` or `@nats-io/transport-node`, as `import * as nats` gives it: its `connect` and `headers`.
 * @param client As of `natsBackplane`.
 * @throws {TypeError} As `natsBackplane`. @throws {RangeError} An option is out of its range.
 */
export function natsStreams<Options extends object>(
  nats: NatsModule<Options>,
  client: NoInfer<Options>,
  options: NatsStreamsOptions = {},
): Backplane {
  const expected = "the client's module, which has connect and headers";
  checkKind("nats", having(expected, "connect", "headers"), nats);
  checkOptions(options, streamsTable);
  const { stream = "framewire", history = 1000, historyTime = 86_400_000, replicas = 1 } = options;
  const { prefix = "framewire." } = options;
  if (!/^[\w-]{1,200}$/.test(stream)) {
    throw new RangeError(
      `stream must be a name of letters, digits, "-" and "_": ${JSON.stringify(stream)}`,
    );
  }
  checkLimit("history", history);
  if (history === 0)
    throw new RangeError("history must be 1 or more: natsBackplane() keeps nothing");
  checkMilliseconds("historyTime", historyTime);
  const age = historyTime === Infinity ? 0 : historyTime;
  if (age > 0 && age < 1000) {
    throw new RangeError(`historyTime must be 1000 milliseconds or more: ${historyTime}`);
  }
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 5) {
    throw new RangeError(`replicas must be a whole number from 1 to 5: ${replicas}`);
  }
  const keeps = (topic: string): boolean => !isReserved(topic) && (options.keeps?.(topic) ?? true);
  const config: StreamConfig = {
    name: stream,
    subjects: [`${prefix}in.*`],
    storage: "file",
    num_replicas: replicas,
    max_msgs_per_subject: history === Infinity ? -1 : Math.ceil(history),
    max_age: Math.ceil(age) * nanoseconds,
    duplicate_window: (age === 0 ? duplicateTime : Math.min(age, duplicateTime)) * nanoseconds,
    republish: { src: `${prefix}in.*`, dest: `${prefix}{{wildcard(1)}}` },
  };
  const { inboxPrefix = "_INBOX" } = client as { readonly inboxPrefix?: string };
  const newHistory = (): NatsHistory =>
    new NatsStream(config, prefix, keeps, () => nats.headers(), inboxPrefix);
  return { histories, keeps, join: joinOf(nats.connect, client, options, newHistory) };
}

/** Messages and bytes of a page. */
const mostAtOnce = 64;
const mostBytesAtOnce = 1_048_576;

/** A place, as this driver gives one. */
const places = /^\d{1,15}$/;

/** The stream, as one server sees it. */
class NatsStream implements NatsHistory {
  readonly #config: StreamConfig;
  readonly #prefix: string;
  readonly keeps: (topic: string) => boolean;
  readonly #newHeaders: () => NatsHeaders;
  readonly #inboxPrefix: string;
  #epoch = "";
  /**
   * The highest place that is known. What comes is in order, but for what several publish at once: a lower one may be of another
   * stream.
   */
  #highest = 0;

  constructor(
    config: StreamConfig,
    prefix: string,
    keeps: (topic: string) => boolean,
    newHeaders: () => NatsHeaders,
    inboxPrefix: string,
  ) {
    this.#inboxPrefix = inboxPrefix;
    this.#config = config;
    this.#prefix = prefix;
    this.keeps = keeps;
    this.#newHeaders = newHeaders;
  }

  async open(connection: NatsConnection): Promise<void> {
    const { name, republish } = this.#config;
    const { config, created, state } = await this.#of(connection).make(this.#config);
    const [ours] = this.#config.subjects!;
    if (
      config.subjects?.includes(ours!) !== true ||
      config.republish?.src !== republish!.src ||
      config.republish.dest !== republish!.dest
    ) {
      throw new TypeError(
        `The stream ${name} is not one of framewire's with this prefix: choose another name by the option stream`,
      );
    }
    this.#epoch = created;
    this.#highest = state.last_seq;
  }

  async publish(
    connection: NatsConnection,
    topic: string,
    envelope: Uint8Array,
  ): Promise<Position> {
    const epoch = this.#epoch;
    const headers = this.#newHeaders();
    headers.set("Nats-Msg-Id", keyOf(envelope));
    const { seq } = await this.#of(connection).publish(this.subjectOf(topic), envelope, headers);
    return { epoch, offset: String(seq) };
  }

  deliver(member: BackplaneMember, topic: string, { data, headers }: NatsMessage): boolean {
    const offset = headers?.get("Nats-Sequence") ?? "";
    if (!places.test(offset)) {
      // Without a place it is none of the stream's, which is for the server to count.
      member.deliver(topic, data);
      return false;
    }
    const previous = headers!.get("Nats-Last-Sequence");
    // 0: there is none in front of it any more, or there never was.
    const known = previous === "0" || previous === "" ? undefined : previous;
    member.deliver(topic, data, { epoch: this.#epoch, offset }, known);
    const place = Number(offset);
    if (place <= this.#highest) return true;
    this.#highest = place;
    return false;
  }

  async hasBegunAnew(connection: NatsConnection): Promise<boolean> {
    const { created } = await this.#of(connection).info();
    return created !== this.#epoch;
  }

  async read(
    connection: NatsConnection,
    topic: string,
    since: Position | undefined,
  ): Promise<HistoryPage> {
    const stream = this.#of(connection);
    const subject = this.subjectOf(topic);
    const { created: epoch, state } = await stream.info(subject);
    const at = (seq: number): Position => ({ epoch, offset: String(seq) });
    // Up to here there is something to read. What comes later comes by itself; and it would be never done.
    const last = await stream.get({ last_by_subj: subject });
    if (since === undefined) {
      // Where the topic has none, whatever comes has a later place than any that the stream has now.
      return {
        entries: [],
        complete: true,
        position: at(last?.seq ?? state.last_seq),
        more: false,
      };
    }
    const from = placeOf(since, epoch, state.last_seq);
    const messages = await stream.read(subject, (from ?? 0) + 1, mostAtOnce, mostBytesAtOnce);
    const entries = messages.map(({ seq, data }): HistoryEntry => ({
      position: at(seq),
      envelope: data,
    }));
    const upTo = messages.at(-1)?.seq ?? from ?? 0;
    const more = last !== undefined && last.seq > upTo;
    // Behind all that was read: what is kept now was kept then.
    const complete = from !== undefined && (await this.#isKept(stream, subject, from, epoch));
    const isEmpty = entries.length === 0 && from === undefined;
    return { entries, complete, position: at(isEmpty ? state.last_seq : upTo), more };
  }

  subjectOf(topic: string): string {
    return `${this.#prefix}in.${tokenOf(topic)}`;
  }

  #of(connection: NatsConnection): JetStream {
    return new JetStream(connection, this.#config.name, this.#inboxPrefix);
  }

  /** Tells whether all of a subject that was published behind a place is kept, as far as that can be told. */
  async #isKept(
    stream: JetStream,
    subject: string,
    place: number,
    epoch: string,
  ): Promise<boolean> {
    const { created, config, state }: StreamInfo = await stream.info(subject);
    // Time takes the oldest of all subjects.
    if (created !== epoch || place + 1 < state.first_seq) return false;
    // Their number takes the oldest of each subject: nothing was taken of one that has less, or still has the message at the place.
    const most = config.max_msgs_per_subject;
    if (most < 0 || (state.subjects?.[subject] ?? 0) < most) return true;
    const message = place === 0 ? undefined : await stream.get({ seq: place });
    return message?.subject === subject;
  }
}

/** Gives the place that a position is; undefined where it is none of this stream's. */
function placeOf({ epoch, offset }: Position, ours: string, last: number): number | undefined {
  if (epoch !== ours || typeof offset !== "string" || !places.test(offset)) return undefined;
  const place = Number(offset);
  return place <= last ? place : undefined;
}

/** Bytes 4 to 31 of an envelope, which no other has: its node, series and sequence number. */
function keyOf(envelope: Uint8Array): string {
  const node = spellNode(latin1(envelope, 4, 4 + nodeIdSize));
  return `${node} ${readUint32(envelope, 20)} ${readUint32(envelope, 24)} ${readUint32(envelope, 28)}`;
}
