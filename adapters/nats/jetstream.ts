/**
 * Requests to JetStream, the part of NATS that keeps messages. They are about one stream, and are in JSON, as their answers are.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { clearTimeout, setTimeout } from "node:timers";
import type { BackplaneMember } from "../../src/connection/backplane/backplane.ts";
import type { HistoryPage, Position } from "../../src/connection/backplane/history.ts";
import { newDeferred, quiet } from "../../src/deferred.ts";
import type { NatsConnection, NatsHeaders, NatsMessage } from "./client.ts";

/** Milliseconds to wait for an answer. */
const timeout = 5000;
/** Nanoseconds in a millisecond. */
const nanoseconds = 1_000_000;

/** What to do about errors of JetStream, by their numbers. */
const advices: Readonly<Record<number, string>> = {
  10_005: "the cluster needs as many servers as the option replicas says",
  10_039: "enable JetStream for the account of this login, or take natsBackplane()",
  10_065: "no other stream may have subjects of the option prefix: choose another prefix",
  10_074: "only a cluster of NATS can have the option replicas above 1",
};

/** The error with which JetStream answers a request. */
export class JetStreamError extends Error {
  override readonly name = "JetStreamError";
  /** A code similar to a status code of HTTP. 503 means that the state passes. */
  readonly code: number;
  /** The number that NATS gives to this kind of error. */
  readonly errorCode: number;

  /** @param what What was asked for: the subject of the request, without "$JS.API.". */
  constructor(what: string, { code, err_code: errorCode, description }: ApiError) {
    const advice = advices[errorCode];
    const end = advice === undefined ? "" : `; ${advice}`;
    super(`JetStream has refused ${what}: ${description}${end}`);
    this.code = code;
    this.errorCode = errorCode;
  }
}

interface ApiError {
  readonly code: number;
  readonly err_code: number;
  readonly description: string;
}

/** The configuration of a stream. Times are in nanoseconds. */
export interface StreamConfig {
  readonly name: string;
  /** Of a stream that framewire has made: its epoch, see `epochOf`. */
  readonly description?: string | undefined;
  readonly subjects?: readonly string[];
  readonly storage: "file";
  readonly num_replicas: number;
  readonly max_msgs_per_subject: number;
  readonly max_age: number;
  readonly duplicate_window: number;
  readonly republish?: { readonly src: string; readonly dest: string };
}

/** The configuration and state of a stream. */
export interface StreamInfo {
  readonly config: StreamConfig;
  /** When the stream was made. */
  readonly created: string;
  readonly state: {
    readonly first_seq: number;
    readonly last_seq: number;
    /** The number of messages by subject, for the subjects that were asked for. */
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

/** A message that is kept. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
}

/** The answer to a publication: the place of the message in the stream. */
export interface PublishAnswer {
  readonly seq: number;
}

/**
 * The part that differs where NATS keeps messages: `natsStreams` has it. Its methods reject with errors of NATS or of the client.
 */
export interface NatsHistory {
  keeps(topic: string): boolean;
  /** Makes the stream if it is missing, and checks it. Called for each connection that has opened. */
  open(connection: NatsConnection): Promise<void>;
  /** Gives the subject to which a topic with a history is published. */
  subjectOf(topic: string): string;
  /** Keeps an envelope, and publishes it. */
  publish(connection: NatsConnection, topic: string, envelope: Uint8Array): Promise<Position>;
  /** Gives the member a message of a topic with a history. @returns Whether the history may have begun anew. */
  deliver(member: BackplaneMember, topic: string, message: NatsMessage): boolean;
  /** Asks NATS whether the history has begun anew. */
  hasBegunAnew(connection: NatsConnection): Promise<boolean>;
  read(
    connection: NatsConnection,
    topic: string,
    since: Position | undefined,
  ): Promise<HistoryPage>;
}

/** The time of creation that NATS gives for a stream that another server is just making. */
const unmade = "0001-01-01T00:00:00Z";
/** How often NATS is asked whether the stream is made, and the milliseconds between two questions. */
const [mostQuestions, pause] = [100, 10];
const noStream = 10_059;
const noMessage = 10_037;

/** The servers of a cluster that keep the stream, or a consumer of it, are away. */
const offline = new Set([10_118, 10_119]);

/**
 * Tells whether an error is final. Errors of JetStream itself are, except 503 (not available now), 404 (not there), and those of
 * a stream whose servers are away.
 */
export function isFinal(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  if (!(error instanceof JetStreamError) || offline.has(error.errorCode)) return false;
  return error.code !== 503 && error.code !== 404;
}

const descriptions = /^framewire epoch ([\da-f-]{36})$/;

/**
 * Gives the word that a stream loses when it is made anew. It is in the stream's description. The time of creation is not enough:
 * if several servers make the stream at once, the servers of a cluster of NATS may have different times, so that it changes when
 * another one leads. Streams that older versions of framewire have made have only this time.
 */
export function epochOf({ config, created }: StreamInfo): string {
  return descriptions.exec(config.description ?? "")?.[1] ?? created;
}

/**
 * One stream, over one connection. All methods reject with a `JetStreamError`, or with the client's error about the connection.
 */
export class JetStream {
  readonly #connection: NatsConnection;
  readonly #name: string;

  readonly #inboxPrefix: string;

  /** @param inboxPrefix The text in front of the subjects on which answers come. */
  constructor(connection: NatsConnection, name: string, inboxPrefix: string) {
    this.#connection = connection;
    this.#name = name;
    this.#inboxPrefix = inboxPrefix;
  }

  /** Makes the stream if there is none. Gives its configuration and state. */
  async make(config: StreamConfig): Promise<StreamInfo> {
    for (let time = 0; time < mostQuestions; time++) {
      const info = await this.#known();
      if (info === undefined) await this.#create(config);
      else if (info.created !== unmade) return info;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    throw new Error("JetStream has not made the stream");
  }

  /** As `info`; undefined if there is no stream. */
  async #known(): Promise<StreamInfo | undefined> {
    try {
      return await this.info();
    } catch (error) {
      if (isCoded(error, noStream)) return undefined;
      throw error;
    }
  }

  /**
   * Creates the stream. If another server creates it at the same time, NATS may refuse one of the two: the name is in use, or the
   * subjects overlap with those of the same stream. Then there is a stream, which is asked for next.
   */
  async #create(config: StreamConfig): Promise<void> {
    const description = `framewire epoch ${randomUUID()}`;
    try {
      await this.#ask("STREAM.CREATE", { ...config, description });
    } catch (error) {
      if ((await this.#known()) === undefined) throw error;
    }
  }

  /** Gives the configuration and state of the stream. @param subject A subject whose messages shall be counted. */
  async info(subject?: string): Promise<StreamInfo> {
    const question = subject === undefined ? {} : { subjects_filter: subject };
    return (await this.#ask("STREAM.INFO", question)) as StreamInfo;
  }

  /** Gives the message at a place, the first of a subject from there on, or the last of a subject. */
  async get(
    which:
      | { readonly seq: number; readonly next_by_subj?: string }
      | { readonly last_by_subj: string },
  ): Promise<StoredMessage | undefined> {
    try {
      // Not a direct get: a replica that does not have the newest message yet may answer that.
      const { message } = (await this.#ask("STREAM.MSG.GET", which)) as {
        readonly message: {
          readonly subject: string;
          readonly seq: number;
          readonly data?: string;
        };
      };
      const { subject, seq, data = "" } = message;
      return { subject, seq, data: Buffer.from(data, "base64") };
    } catch (error) {
      if (isCoded(error, noMessage)) return undefined;
      throw error;
    }
  }

  /**
   * Gives the messages of a subject from a place on: at most `most` messages and `mostBytes` bytes. If there is a message, it
   * gives at least one. It takes only a few requests, even if other subjects have many messages in between.
   */
  async read(
    subject: string,
    from: number,
    most: number,
    mostBytes: number,
  ): Promise<readonly StoredMessage[]> {
    const { name, num_pending: pending } = (await this.#ask("CONSUMER.CREATE", {
      stream_name: this.#name,
      config: {
        deliver_policy: "by_start_sequence",
        opt_start_seq: from,
        filter_subject: subject,
        ack_policy: "none",
        replay_policy: "instant",
        inactive_threshold: 10 * timeout * nanoseconds,
        num_replicas: 1,
        mem_storage: true,
      },
    })) as { readonly name: string; readonly num_pending: number };
    const messages =
      pending === 0 ? [] : await this.#fetch(name, Math.min(most, pending), mostBytes);
    void quiet(this.#ask("CONSUMER.DELETE", {}, `.${name}`));
    if (messages.length > 0 || pending === 0) return messages;
    const first = await this.get({ seq: from, next_by_subj: subject });
    return first === undefined ? [] : [first];
  }

  /** Takes messages from a consumer: `count` of them, or fewer if the consumer says that it gives no more. */
  async #fetch(
    consumer: string,
    count: number,
    mostBytes: number,
  ): Promise<readonly StoredMessage[]> {
    const connection = this.#connection;
    const messages: StoredMessage[] = [];
    const done = newDeferred<void>();
    const inbox = `${this.#inboxPrefix}.framewire.${randomUUID()}`;
    const subscription = connection.subscribe(inbox, {
      callback(error, message) {
        const { subject, data, reply = "" } = message;
        const seq = placeIn(reply);
        if (error !== null || seq === undefined) {
          // This is a status: there are no more messages, or the next one is too large.
          done.resolve();
          return;
        }
        messages.push({ subject, seq, data });
        if (messages.length === count) done.resolve();
      },
    });
    const late = setTimeout(() => {
      done.reject(new Error("JetStream has not answered"));
    }, timeout);
    try {
      const question = { batch: count, max_bytes: mostBytes, no_wait: true };
      const next = `$JS.API.CONSUMER.MSG.NEXT.${this.#name}.${consumer}`;
      connection.publish(next, Buffer.from(JSON.stringify(question)), { reply: inbox });
      await done.promise;
    } finally {
      clearTimeout(late);
      subscription.unsubscribe();
    }
    return messages;
  }

  /** Keeps a message. */
  async publish(subject: string, bytes: Uint8Array, headers: NatsHeaders): Promise<PublishAnswer> {
    const answer = await this.#connection.request(subject, bytes, { timeout, headers });
    return answerIn(subject, answer) as PublishAnswer;
  }

  async #ask(what: string, question: object, rest = ""): Promise<unknown> {
    const bytes = Buffer.from(JSON.stringify(question));
    const subject = `${what}.${this.#name}${rest}`;
    return answerIn(
      subject,
      await this.#connection.request(`$JS.API.${subject}`, bytes, { timeout }),
    );
  }
}

function answerIn(what: string, { data }: NatsMessage): unknown {
  const answer = JSON.parse(Buffer.from(data).toString()) as { readonly error?: ApiError };
  if (answer.error !== undefined) throw new JetStreamError(what, answer.error);
  return answer;
}

function isCoded(error: unknown, code: number): boolean {
  return error instanceof JetStreamError && error.errorCode === code;
}

/** Gives a message's place, which is in the subject for its acknowledgement. Newer NATS servers have two words more there. */
function placeIn(reply: string): number | undefined {
  const words = reply.split(".");
  if (words[0] !== "$JS" || words[1] !== "ACK") return undefined;
  return Number(words[words.length >= 11 ? 7 : 5]);
}
