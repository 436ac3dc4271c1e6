/**
 * A backplane over NATS: each topic has a subject.
 *
 * Theory of operation. A server has one connection, which the client opens again by itself. If the client gives up, the server
 * opens another. After an outage it subscribes to all topics that are wanted, waits for NATS to confirm that, and reports a gap.
 * NATS reports what it refuses as an event of the connection. So a request first waits for the answer to a PING, and then looks
 * for a refusal.
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

/** Says how publications go over NATS. */
export interface NatsBackplaneOptions {
  /** The text in front of a topic in its subject. Default: "framewire.". */
  readonly prefix?: string | undefined;
}

/** The kinds of value that the options take. */
export const table: OptionTable<NatsBackplaneOptions> = { prefix: text };

/** Milliseconds between attempts to open a connection, unless the client's option `reconnectTimeWait` gives another number. */
const defaultPause = 2000;

/**
 * Makes a backplane of a client for NATS.
 *
 * @param connect `connect` of `nats` or of `@nats-io/transport-node`. Each server that joins opens a connection of its own.
 * @param client The options of `connect`. The backplane sets `noEcho`, `reconnect`, `maxReconnectAttempts` and
 * `waitOnFirstConnect` itself.
 * @throws {TypeError} `connect` is not a function, or an option has a wrong type.
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

/** Gives the function by which servers join. */
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

/** The most refusals that are remembered. If there are more, all of them are forgotten. */
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
  /** What NATS has refused on this connection, by operation and subject. */
  readonly #refusals = new Map<string, Error>();
  /** "opening" for the first time; "up"; "down"; "renewing" the subscriptions; "left". */
  #state: "opening" | "up" | "down" | "renewing" | "left" = "opening";
  /** Counts how often renewing has begun. An older run stops when a newer one has begun. */
  #renewal = 0;
  /** Set while NATS is asked whether the history has begun anew. */
  #suspicion: Promise<boolean> | undefined;
  /** Requests to the history that have no answer yet. */
  readonly #asked = new Asked();
  #connection: NatsConnection | undefined;
  /** The confirmation for all that was sent in this turn of the event loop. */
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

  /** Connects. Resolves when that is done, or when the first attempt has failed and others will follow. */
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
    // Not awaited: it may wait for a NATS server that does not answer.
    void quiet(connection.close());
  }

  /** Opens a connection, and another one if the client gives it up. */
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

  /** Handles the events of a connection until it is closed. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        this.#lost(new Error("NATS has ended the connection"));
      } else if (status.type === "reconnect") {
        // Not awaited: refusals that come meanwhile must be read by this loop.
        void this.#renew(connection);
      } else if (status.type === "error") {
        const refusal = refusalIn(status);
        if (refusal === undefined) continue;
        const { operation, subject } = refusal;
        if (this.#refusals.size >= mostRefusals) this.#refusals.clear();
        const error = new Error(
          `This login of NATS may not ${operation === "publish" ? "publish" : "subscribe"} to ${subject}: add it to the login's permissions in the configuration of NATS`,
        );
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
   * The connection is open, and the client has repeated its old subscriptions. Subscribes to the topics that are wanted now. A
   * history must be available, too: until it is, the server stays "down" and asks for it again and again.
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
    // A newer run has begun meanwhile, or the server has left.
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
      // The connection was lost meanwhile. After the next outage this begins anew.
      return;
    }
    if (renewal !== this.#renewal || (this.#state as string) !== "renewing") return;
    this.#state = "up";
    this.#member.state("up");
    const refused = this.#firstRefused(wanted);
    if (refused !== undefined) {
      // "up" has counted all topics as subscribed. "down" makes the server ask for each again, and learn which are refused.
      this.#member.state("down", refused);
      this.#member.state("up");
    }
    this.#member.gap();
  }

  /** Asks whether the history has begun anew, unless that is being asked already. */
  async #suspect(connection: NatsConnection, history: NatsHistory): Promise<void> {
    if (this.#suspicion !== undefined) return;
    this.#suspicion = history.hasBegunAnew(connection);
    try {
      if ((await this.#suspicion) && this.#state === "up") {
        this.#lost(new Error("The stream of NATS has begun anew"));
        void this.#renew(connection);
      }
    } catch {
      // Whether JetStream is away, the next publication or reading finds out.
    }
    this.#suspicion = undefined;
  }

  /** The history is not available. */
  #cannotKeep(connection: NatsConnection, error: unknown): void {
    const { jetstream } = connection.info ?? {};
    if (this.#state === "opening" && (isFinal(error) || jetstream !== true)) {
      this.#state = "left";
      void quiet(connection.close());
      this.#opened.reject(
        isFinal(error)
          ? error
          : new Error(
              "NATS has no JetStream: enable it in its configuration, or take natsBackplane()",
              {
                cause: error,
              },
            ),
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
   * Gives the error that the server gets. A refusal of JetStream is final. If there is no answer, JetStream or the stream is
   * away: the server gets `DOWN`, and opens the history again.
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

  /**
   * Resolves when NATS has handled all that was sent until now. One PING confirms all that is sent in one turn of the event loop.
   */
  #confirm(connection: NatsConnection): Promise<void> {
    this.#confirmation ??= (async () => {
      await undefined;
      this.#confirmation = undefined;
      try {
        await connection.flush();
      } catch (cause) {
        throw new BackplaneError("DOWN", { cause });
      }
      // NATS sends refusals before this answer, but the client reports them a little later.
      await new Promise((resolve) => setImmediate(resolve));
    })();
    return this.#confirmation;
  }

  #checkRefused(operation: string, subject: string): void {
    const error = this.#refusals.get(`${operation} ${subject}`);
    if (error !== undefined) throw error;
  }
}
