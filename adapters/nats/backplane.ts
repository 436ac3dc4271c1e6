/**
 * A backplane over NATS: a subject for each topic.
 *
 * @module
 */

import { setImmediate, setTimeout, clearTimeout } from "node:timers";
import {
  checkKind,
  callback,
  checkOptions,
  type OptionTable,
  text,
} from "../../src/check-options.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";
import type { HistoryPage, Position } from "../../src/connection/backplane/history.ts";
import { newDeferred, quiet } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import type { RuntimeSignal } from "../../src/transport.ts";
import { Asked } from "./asked.ts";
import {
  isHopeless,
  type NatsConnect,
  type NatsConnection,
  type NatsSubscription,
  refusalIn,
} from "./client.ts";
import { isFinal, type NatsHistory } from "./jetstream.ts";
import { subjectOf } from "./subjects.ts";

/** How publications go over NATS. */
export interface NatsBackplaneOptions {
  /** What is in front of a topic in its subject. Default: "framewire.". */
  readonly prefix?: string | undefined;
}

/** What the options may be. */
export const table: OptionTable<NatsBackplaneOptions> = { prefix: text };

/** Milliseconds between attempts to open a connection, unless `reconnectTimeWait` of the client's options says otherwise. */
const defaultPause = 2000;

/**
 * Makes a backplane of a client for NATS.
 *
 * @param connect `connect` of `nats` or of `@nats-io/transport-node`. Each server that joins has a connection of its own.
 * @param client The options of `connect`. `noEcho`, `reconnect` and `maxReconnectAttempts` are set, whatever they say.
 * @throws {TypeError} `connect` is no function, or an option is of a wrong type.
 */
export function natsBackplane<Options extends object>(
  connect: NatsConnect<Options>,
  client: NoInfer<Options>,
  options: NatsBackplaneOptions = {},
): Backplane {
  checkKind("connect", callback, connect);
  checkOptions(options, table);
  return { join: joinOf(connect, client, options, undefined) };
}

/** Gives what lets servers join. */
export function joinOf<Options extends object>(
  connect: NatsConnect<Options>,
  client: Options,
  { prefix = "framewire." }: NatsBackplaneOptions,
  newHistory: (() => NatsHistory) | undefined,
): Backplane["join"] {
  const own = {
    noEcho: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: false,
  };
  const { reconnectTimeWait = defaultPause } = client as { readonly reconnectTimeWait?: number };
  return async (member) => {
    const open = (): Promise<NatsConnection> => connect({ ...client, ...own });
    const history = newHistory?.();
    const membership = new NatsMembership(open, prefix, reconnectTimeWait, member, history);
    await membership.open();
    return membership;
  };
}

/** Refusals that are remembered; with more of them all are asked for again. */
const mostRefusals = 1000;

/** One server on NATS. */
class NatsMembership implements BackplaneMembership {
  readonly #connect: () => Promise<NatsConnection>;
  readonly #prefix: string;
  readonly #pause: number;
  readonly #member: BackplaneMember;
  readonly #history: NatsHistory | undefined;
  readonly #opened = newDeferred<void>();
  readonly #subscriptions = new Map<string, NatsSubscription>();
  /** What the server does not allow, by operation and subject: for as long as the connection lasts. */
  readonly #refusals = new Map<string, Error>();
  /** "opening" for the first time; "up"; "down"; "renewing" the subscriptions; "left". */
  #state: "opening" | "up" | "down" | "renewing" | "left" = "opening";
  /** Counts how often renewing has begun: an older one gives way. */
  #renewal = 0;
  /** Set while it is looked whether the history has begun anew. */
  #suspicion: Promise<boolean> | undefined;
  /** What keeps messages was asked. */
  readonly #asked = new Asked();
  #connection: NatsConnection | undefined;
  /** What confirms all that is asked for in this turn. */
  #confirmation: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    connect: () => Promise<NatsConnection>,
    prefix: string,
    pause: number,
    member: BackplaneMember,
    history: NatsHistory | undefined,
  ) {
    this.#history = history;
    this.#connect = connect;
    this.#prefix = prefix;
    this.#pause = pause;
    this.#member = member;
  }

  /** Connects; resolves when that is done, or when the first attempt has failed and others will follow. */
  async open(): Promise<void> {
    void this.#dial();
    await this.#opened.promise;
  }

  async publish(topic: string, envelope: Uint8Array): Promise<Position | undefined> {
    const history = this.#history?.keeps(topic) === true ? this.#history : undefined;
    const subject = history?.subjectOf(topic) ?? subjectOf(this.#prefix, topic);
    const connection = this.#whileUp();
    const most = connection.info?.max_payload ?? Infinity;
    if (envelope.length > most) {
      throw new RangeError(
        `Envelope must have at most ${most} bytes, the max_payload of the NATS server: ${envelope.length}`,
      );
    }
    if (history !== undefined) {
      try {
        return await this.#asked.until(history.publish(connection, topic, envelope));
      } catch (error) {
        this.#checkRefused("publish", subject);
        throw this.#toTell(error, connection);
      }
    }
    try {
      connection.publish(subject, envelope);
    } catch (cause) {
      throw new BackplaneError("DOWN", { cause });
    }
    await this.#confirm(connection);
    this.#checkRefused("publish", subject);
    return undefined;
  }

  async history(topic: string, since: Position | undefined): Promise<HistoryPage> {
    const connection = this.#whileUp();
    try {
      return await this.#asked.until(this.#history!.read(connection, topic, since));
    } catch (error) {
      throw this.#toTell(error, connection);
    }
  }

  async subscribe(topic: string): Promise<void> {
    const connection = this.#whileUp();
    this.#ask(connection, topic);
    await this.#confirm(connection);
    try {
      this.#checkRefused("subscription", subjectOf(this.#prefix, topic));
    } catch (error) {
      this.#subscriptions.delete(topic);
      throw error;
    }
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#subscriptions.get(topic)?.unsubscribe();
    this.#subscriptions.delete(topic);
  }

  async leave(signal: RuntimeSignal): Promise<void> {
    const isUp = this.#state === "up";
    this.#state = "left";
    clearTimeout(this.#timer);
    const connection = this.#connection;
    if (connection === undefined) return;
    if (isUp) {
      const over = newDeferred<void>();
      signal.addEventListener("abort", () => {
        over.resolve();
      });
      await Promise.race([Promise.allSettled([connection.flush()]), over.promise]);
    }
    // It may wait for a server that does not answer.
    void quiet(connection.close());
  }

  /** Opens a connection, and another one where it ends for good. */
  async #dial(): Promise<void> {
    let connection: NatsConnection;
    try {
      connection = await this.#connect();
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#state === "left") {
      void quiet(connection.close());
      return;
    }
    this.#connection = connection;
    this.#subscriptions.clear();
    void this.#watch(connection);
    void connection.closed().then((error) => {
      this.#lost(error);
      this.#retry();
    });
    await this.#renew(connection);
  }

  #failed(error: unknown): void {
    if (this.#state === "opening" && isHopeless(error)) {
      this.#state = "left";
      this.#opened.reject(error);
      return;
    }
    this.#lost(error);
    this.#opened.resolve();
    this.#retry();
  }

  #retry(): void {
    if (this.#state === "left") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#dial(), this.#pause);
  }

  /** Follows what the client tells of a connection, until that is closed. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        this.#lost(new Error("NATS has ended the connection"));
      } else if (status.type === "reconnect") {
        // Not awaited: what is refused meanwhile is told here.
        void this.#renew(connection);
      } else if (status.type === "error") {
        const refusal = refusalIn(status);
        if (refusal === undefined) continue;
        const { operation, subject } = refusal;
        if (this.#refusals.size >= mostRefusals) this.#refusals.clear();
        const error = new Error(`NATS does not allow it: ${operation} of ${subject}`);
        this.#refusals.set(`${operation} ${subject}`, error);
      }
    }
  }

  #lost(reason: unknown): void {
    if (this.#state === "left") return;
    this.#state = "down";
    this.#member.state("down", reason);
    this.#asked.giveUp(new BackplaneError("DOWN", { cause: reason }));
  }

  /**
   * The connection is there: NATS has been told of what the client had subscribed to, and is told of what is wanted now. Where messages
   * are kept, that must be there, too; it is asked for until it is.
   */
  async #renew(connection: NatsConnection): Promise<void> {
    const renewal = ++this.#renewal;
    clearTimeout(this.#timer);
    if (this.#state === "left") return;
    if (this.#state !== "opening") this.#state = "renewing";
    this.#refusals.clear();
    try {
      await this.#history?.open(connection);
    } catch (error) {
      if (renewal === this.#renewal) this.#cannotKeep(connection, error);
      return;
    }
    // Begun again meanwhile, or left.
    if (renewal !== this.#renewal || (this.#state as string) === "left") return;
    if (this.#state === "opening") {
      this.#state = "up";
      this.#opened.resolve();
      return;
    }
    const wanted = new Set(this.#member.topics());
    for (const [topic, subscription] of [...this.#subscriptions]) {
      if (wanted.has(topic)) continue;
      subscription.unsubscribe();
      this.#subscriptions.delete(topic);
    }
    try {
      for (const topic of wanted) this.#ask(connection, topic);
      await this.#confirm(connection);
    } catch {
      // Lost again meanwhile: the next time begins anew.
      return;
    }
    if (renewal !== this.#renewal || (this.#state as string) !== "renewing") return;
    this.#state = "up";
    this.#member.state("up");
    const refused = this.#firstRefused(wanted);
    if (refused !== undefined) {
      // The server has taken all of them for subscribed: so it asks for each by itself, and is told of whom.
      this.#member.state("down", refused);
      this.#member.state("up");
    }
    this.#member.gap();
  }

  /** Looks whether the history has begun anew, one time after the other. */
  async #suspect(connection: NatsConnection, history: NatsHistory): Promise<void> {
    if (this.#suspicion !== undefined) return;
    this.#suspicion = history.hasBegunAnew(connection);
    try {
      if ((await this.#suspicion) && this.#state === "up") {
        this.#lost(new Error("The stream of NATS has begun anew"));
        void this.#renew(connection);
      }
    } catch {
      // Who publishes finds out whether it is away.
    }
    this.#suspicion = undefined;
  }

  /** What keeps messages is not there. */
  #cannotKeep(connection: NatsConnection, error: unknown): void {
    const { jetstream } = connection.info ?? {};
    if (this.#state === "opening" && (isFinal(error) || jetstream !== true)) {
      this.#state = "left";
      void quiet(connection.close());
      this.#opened.reject(
        isFinal(error) ? error : new Error("NATS has no JetStream", { cause: error }),
      );
      return;
    }
    this.#lost(error);
    this.#opened.resolve();
    if (this.#state === "left") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renew(connection), this.#pause);
  }

  /**
   * Gives what is told of an error. What JetStream refuses is final; without an answer it is away, or the stream is, and is asked for
   * again.
   */
  #toTell(error: unknown, connection: NatsConnection): unknown {
    if (isFinal(error) || error instanceof BackplaneError) return error;
    if (this.#state === "up") {
      this.#lost(error);
      void this.#renew(connection);
    }
    return new BackplaneError("DOWN", { cause: error });
  }

  #ask(connection: NatsConnection, topic: string): void {
    if (this.#subscriptions.has(topic)) return;
    const subscription = connection.subscribe(subjectOf(this.#prefix, topic), {
      callback: (error, message) => {
        if (error !== null) return;
        if (this.#history?.keeps(topic) !== true) this.#member.deliver(topic, message.data);
        else if (this.#history.deliver(this.#member, topic, message)) {
          void this.#suspect(connection, this.#history);
        }
      },
    });
    this.#subscriptions.set(topic, subscription);
  }

  #firstRefused(topics: Iterable<string>): Error | undefined {
    if (this.#refusals.size === 0) return undefined;
    for (const topic of topics) {
      const error = this.#refusals.get(`subscription ${subjectOf(this.#prefix, topic)}`);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  #whileUp(): NatsConnection {
    if (this.#state !== "up") throw new BackplaneError("DOWN");
    return this.#connection!;
  }

  /** Resolves when the server has dealt with what it was asked for until now: one question for all that is asked for in a turn. */
  #confirm(connection: NatsConnection): Promise<void> {
    this.#confirmation ??= (async () => {
      await undefined;
      this.#confirmation = undefined;
      try {
        await connection.flush();
      } catch (cause) {
        throw new BackplaneError("DOWN", { cause });
      }
      // What is refused comes in front of the answer, but is told a little later.
      await new Promise((resolve) => setImmediate(resolve));
    })();
    return this.#confirmation;
  }

  #checkRefused(operation: string, subject: string): void {
    const error = this.#refusals.get(`${operation} ${subject}`);
    if (error !== undefined) throw error;
  }
}
