/**
 * What is asked of JetStream, the part of NATS that keeps messages: one stream, by requests and answers in JSON.
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

/** Milliseconds that an answer is waited for. */
const timeout = 5000;
/** Of a millisecond. */
const nanoseconds = 1_000_000;

/** What JetStream says against a request. */
export class JetStreamError extends Error {
  override readonly name = "JetStreamError";
  /** Of HTTP, more or less: 503 where it is so for now. */
  readonly code: number;
  /** What exactly it is, as NATS numbers it. */
  readonly errorCode: number;

  constructor({ code, err_code: errorCode, description }: ApiError) {
    super(`JetStream does not do it: ${description}`);
    this.code = code;
    this.errorCode = errorCode;
  }
}

interface ApiError {
  readonly code: number;
  readonly err_code: number;
  readonly description: string;
}

/** What a stream is to be. Times are nanoseconds. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly storage: "file";
  readonly num_replicas: number;
  readonly max_msgs_per_subject: number;
  readonly max_age: number;
  readonly duplicate_window: number;
  readonly republish?: { readonly src: string; readonly dest: string };
}

/** What a stream is. */
export interface StreamInfo {
  readonly config: StreamConfig;
  /** When it was made: another one has another time. */
  readonly created: string;
  readonly state: {
    readonly first_seq: number;
    readonly last_seq: number;
    /** Messages of each subject that was asked for. */
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

/** A message that is kept. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
}

/** Where a message was put. */
export interface PublishAnswer {
  readonly seq: number;
}

/** What is different where NATS keeps messages. Its methods reject with what NATS says against it, or with what the client says. */
export interface NatsHistory {
  keeps(topic: string): boolean;
  /** Makes it what it is to be, on a connection that has begun. */
  open(connection: NatsConnection): Promise<void>;
  /** Gives the subject to which such a topic is published. */
  subjectOf(topic: string): string;
  /** Keeps an envelope, and publishes it. */
  publish(connection: NatsConnection, topic: string, envelope: Uint8Array): Promise<Position>;
  /** Gives what came of such a topic to the member. @returns Whether it looks as if the history had begun anew. */
  deliver(member: BackplaneMember, topic: string, message: NatsMessage): boolean;
  /** Tells whether it has. */
  hasBegunAnew(connection: NatsConnection): Promise<boolean>;
  read(
    connection: NatsConnection,
    topic: string,
    since: Position | undefined,
  ): Promise<HistoryPage>;
}

/** When a stream was made that is just being made, by another server as well. */
const unmade = "0001-01-01T00:00:00Z";
/** How often it is asked whether it is made, and the milliseconds in between. */
const [mostQuestions, pause] = [100, 10];
const noStream = 10_059;
const noMessage = 10_037;

/** Tells whether an error is final: what JetStream itself says is, unless it says that it is so for now. */
export function isFinal(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  return error instanceof JetStreamError && error.code !== 503 && error.code !== 404;
}

/** One stream, by one connection. All of it rejects with a `JetStreamError`, or with what the client says of the connection. */
export class JetStream {
  readonly #connection: NatsConnection;
  readonly #name: string;

  readonly #inboxPrefix: string;

  /** @param inboxPrefix What is in front of the subjects that answers come on. */
  constructor(connection: NatsConnection, name: string, inboxPrefix: string) {
    this.#connection = connection;
    this.#name = name;
    this.#inboxPrefix = inboxPrefix;
  }

  /** Makes the stream, unless there is one. */
  async make(config: StreamConfig): Promise<StreamInfo> {
    for (let time = 0; time < mostQuestions; time++) {
      let info: StreamInfo;
      try {
        info = await this.info();
      } catch (error) {
        if (!isCoded(error, noStream)) throw error;
        info = (await this.#ask("STREAM.CREATE", config)) as StreamInfo;
      }
      if (info.created !== unmade) return info;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    throw new Error("JetStream has not made the stream");
  }

  /** @param subject Whose messages are to be counted. */
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
      // Not by a direct get: that may be answered by a replica which has not got the newest yet.
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
   * Gives messages of a subject from a place on, as many as there are, up to so many and so many bytes; one in any case, where there is
   * one. All of them by a few questions, however far they are from one another.
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

  /** Takes what a consumer has: so many, or fewer where it says that it gives no more. */
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
          // A status: there are no more, or the next one is too large.
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
    return answerIn(answer) as PublishAnswer;
  }

  async #ask(what: string, question: object, rest = ""): Promise<unknown> {
    const bytes = Buffer.from(JSON.stringify(question));
    const subject = `$JS.API.${what}.${this.#name}${rest}`;
    return answerIn(await this.#connection.request(subject, bytes, { timeout }));
  }
}

function answerIn({ data }: NatsMessage): unknown {
  const answer = JSON.parse(Buffer.from(data).toString()) as { readonly error?: ApiError };
  if (answer.error !== undefined) throw new JetStreamError(answer.error);
  return answer;
}

function isCoded(error: unknown, code: number): boolean {
  return error instanceof JetStreamError && error.errorCode === code;
}

/** Gives the place that a consumer tells of a message, in the subject for its acknowledgement; newer servers have two words more. */
function placeIn(reply: string): number | undefined {
  const words = reply.split(".");
  if (words[0] !== "$JS" || words[1] !== "ACK") return undefined;
  return Number(words[words.length >= 11 ? 7 : 5]);
}
