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
import { newDeferred, quiet } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import type { RuntimeSignal } from "../../src/transport.ts";
import {
  isHopeless,
  type NatsConnect,
  type NatsConnection,
  type NatsSubscription,
  refusalIn,
} from "./client.ts";
import { subjectOf } from "./subjects.ts";

/** How publications go over NATS. */
export interface NatsBackplaneOptions {
  /** What is in front of a topic in its subject. Default: "framewire.". */
  readonly prefix?: string | undefined;
}

const table: OptionTable<NatsBackplaneOptions> = { prefix: text };

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
  const { prefix = "framewire." } = options;
  const own = {
    noEcho: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: false,
  };
  const { reconnectTimeWait = defaultPause } = client as { readonly reconnectTimeWait?: number };
  return {
    async join(member) {
      const open = (): Promise<NatsConnection> => connect({ ...client, ...own });
      const membership = new NatsMembership(open, prefix, reconnectTimeWait, member);
      await membership.open();
      return membership;
    },
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
  readonly #opened = newDeferred<void>();
  readonly #subscriptions = new Map<string, NatsSubscription>();
  /** What the server does not allow, by operation and subject: for as long as the connection lasts. */
  readonly #refusals = new Map<string, Error>();
  /** "opening" for the first time; "up"; "down"; "renewing" the subscriptions; "left". */
  #state: "opening" | "up" | "down" | "renewing" | "left" = "opening";
  #connection: NatsConnection | undefined;
  /** What confirms all that is asked for in this turn. */
  #confirmation: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    connect: () => Promise<NatsConnection>,
    prefix: string,
    pause: number,
    member: BackplaneMember,
  ) {
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

  async publish(topic: string, envelope: Uint8Array): Promise<void> {
    const subject = subjectOf(this.#prefix, topic);
    const connection = this.#whileUp();
    const most = connection.info?.max_payload ?? Infinity;
    if (envelope.length > most) {
      throw new RangeError(
        `Envelope must have at most ${most} bytes, the max_payload of the NATS server: ${envelope.length}`,
      );
    }
    try {
      connection.publish(subject, envelope);
    } catch (cause) {
      throw new BackplaneError("DOWN", { cause });
    }
    await this.#confirm(connection);
    this.#checkRefused("publish", subject);
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
    if (this.#state === "opening") {
      this.#state = "up";
      this.#opened.resolve();
    } else await this.#renew(connection);
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
  }

  /** The connection is back: NATS has been told of what the client had subscribed to, and is told of what is wanted now. */
  async #renew(connection: NatsConnection): Promise<void> {
    if (this.#state === "left") return;
    this.#state = "renewing";
    this.#refusals.clear();
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
    if ((this.#state as string) !== "renewing") return;
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

  #ask(connection: NatsConnection, topic: string): void {
    if (this.#subscriptions.has(topic)) return;
    const subscription = connection.subscribe(subjectOf(this.#prefix, topic), {
      callback: (error, message) => {
        if (error === null) this.#member.deliver(topic, message.data);
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
