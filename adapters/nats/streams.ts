/**
 * A backplane over NATS that keeps what is published, in a stream of JetStream.
 *
 * Theory of operation. A topic has two subjects. Servers publish to the first, which belongs to the stream. The stream keeps the
 * message and publishes it on the second, with its place and the place of the topic's message in front of it. So servers get
 * messages in the order of the stream, and notice when one is missing.
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
import { epochOf, JetStream, type NatsHistory, type StreamConfig } from "./jetstream.ts";
import { tokenOf } from "./subjects.ts";

/** Says how NATS keeps publications. A stream that exists already keeps its configuration. */
export interface NatsStreamsOptions extends NatsBackplaneOptions {
  /** The stream's name: 1 to 200 letters, digits, "-" and "_". Default: "framewire". */
  readonly stream?: string | undefined;
  /** How many messages of each topic are kept. Default: 1 000. */
  readonly history?: number | undefined;
  /** How many milliseconds a message is kept, 1000 or more. Default: 86 400 000, a day; 0 or Infinity for no limit. */
  readonly historyTime?: number | undefined;
  /** How many servers of a cluster of NATS keep the stream, 1 to 5. Default: 1. */
  readonly replicas?: number | undefined;
  /** Tells whether a topic has a history. It must give the same answers on all servers. Default: all topics have one. */
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

/** The part of a client's module that is used. */
export interface NatsModule<Options> {
  /** Opens a connection. */
  readonly connect: NatsConnect<Options>;
  /** Makes headers. */
  readonly headers: () => NatsHeaders;
}

/** A message that is given twice within these milliseconds is kept once. A server tries again for a shorter time than this. */
const duplicateTime = 120_000;
const nanoseconds = 1_000_000;

/**
 * Makes a backplane that keeps what is published. It takes a client for NATS 2.9 and later with JetStream.
 *
 * @param nats `nats` or `@nats-io/transport-node`, as `import * as nats` gives it: its `connect` and `headers`.
 * @param client The same as for `natsBackplane`.
 * @throws {TypeError} `nats` has no `connect` or `headers`, or an option has a wrong type. @throws {RangeError} An option is out
 * of its range.
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

/** The most messages and bytes of a page. */
const mostAtOnce = 64;
const mostBytesAtOnce = 1_048_576;

/** The form of a place as this driver gives it. */
const places = /^\d{1,15}$/;

/** What one server knows of the stream. */
class NatsStream implements NatsHistory {
  readonly #config: StreamConfig;
  readonly #prefix: string;
  readonly keeps: (topic: string) => boolean;
  readonly #newHeaders: () => NatsHeaders;
  readonly #inboxPrefix: string;
  #epoch = "";
  /**
   * The highest place that is known. Messages come in the order of their places, except some that servers publish at the same
   * time. So a place that is not higher may belong to a stream that was made anew.
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
    const info = await this.#of(connection).make(this.#config);
    const { config, state } = info;
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
    this.#epoch = epochOf(info);
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
      // A message without a place is not from the stream: the server drops and counts it.
      member.deliver(topic, data);
      return false;
    }
    const previous = headers!.get("Nats-Last-Sequence");
    // 0 means that the message in front of it is not kept any more, or that there never was one.
    const known = previous === "0" || previous === "" ? undefined : previous;
    member.deliver(topic, data, { epoch: this.#epoch, offset }, known);
    const place = Number(offset);
    if (place <= this.#highest) return true;
    this.#highest = place;
    return false;
  }

  async hasBegunAnew(connection: NatsConnection): Promise<boolean> {
    return epochOf(await this.#of(connection).info()) !== this.#epoch;
  }

  async read(
    connection: NatsConnection,
    topic: string,
    since: Position | undefined,
  ): Promise<HistoryPage> {
    const stream = this.#of(connection);
    const subject = this.subjectOf(topic);
    const info = await stream.info(subject);
    const { state } = info;
    const epoch = epochOf(info);
    const at = (seq: number): Position => ({ epoch, offset: String(seq) });
    // Reading ends at this message. Later messages come over the subscription, and reading them, too, might never end.
    const last = await stream.get({ last_by_subj: subject });
    if (since === undefined) {
      // If the topic has no message, its next one gets a later place than all that the stream has now.
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
    // This is asked after reading: if nothing was removed by now, nothing was removed while reading.
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

  /** Tells whether all messages of a subject after a place are kept. Gives false if NATS does not show that. */
  async #isKept(
    stream: JetStream,
    subject: string,
    place: number,
    epoch: string,
  ): Promise<boolean> {
    const info = await stream.info(subject);
    const { config, state } = info;
    // By age, the stream removes the oldest messages of all subjects.
    if (epochOf(info) !== epoch || place + 1 < state.first_seq) return false;
    // By number, it removes the oldest of each subject: none if the subject has fewer, and none after the place if that message
    // is kept.
    const most = config.max_msgs_per_subject;
    if (most < 0 || (state.subjects?.[subject] ?? 0) < most) return true;
    const message = place === 0 ? undefined : await stream.get({ seq: place });
    return message?.subject === subject;
  }
}

/** Gives the place of a position; undefined if the position is not of this stream. */
function placeOf({ epoch, offset }: Position, ours: string, last: number): number | undefined {
  if (epoch !== ours || typeof offset !== "string" || !places.test(offset)) return undefined;
  const place = Number(offset);
  return place <= last ? place : undefined;
}

/** Spells bytes 4 to 31 of an envelope: node, series and sequence number. No other message has the same ones. */
function keyOf(envelope: Uint8Array): string {
  const node = spellNode(latin1(envelope, 4, 4 + nodeIdSize));
  return `${node} ${readUint32(envelope, 20)} ${readUint32(envelope, 24)} ${readUint32(envelope, 28)}`;
}
