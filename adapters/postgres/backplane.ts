/**
 * A backplane over PostgreSQL's LISTEN and NOTIFY: each topic has a channel.
 *
 * Theory of operation. A server has one `Session` at a time, with two connections. When a session is lost, the server is "down",
 * and tries a new session after a random pause, whose limit doubles each time. A new session listens to all topics that are
 * wanted; then the server is "up", and reports a gap, since PostgreSQL keeps nothing for those who do not listen.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import { checkMilliseconds } from "../../src/arguments.ts";
import {
  callback,
  checkKind,
  checkOptions,
  having,
  milliseconds,
  type OptionTable,
  text,
} from "../../src/check-options.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";
import { newDeferred } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import type { RuntimeSignal } from "../../src/transport.ts";
import { longestPrefix, quoted } from "./channels.ts";
import { isHopeless, type PostgresClient } from "./client.ts";
import { MessageRows } from "./rows.ts";
import { Session } from "./session.ts";

/** Says how publications go over PostgreSQL. */
export interface PostgresBackplaneOptions {
  /** The text in front of a topic in the name of its channel: at most 18 characters of ASCII. Default: "framewire:". */
  readonly prefix?: string | undefined;
  /**
   * The table for messages that are too large for a notification, with or without its schema. It is made when it is first needed.
   * Default: "framewire_messages".
   */
  readonly table?: string | undefined;
  /** How many milliseconds a row of that table is kept, 1 or more. Default: 30 000. */
  readonly rowTime?: number | undefined;
  /**
   * How many milliseconds to wait for an answer before the connection is given up, 1 or more. A connection that is idle for this
   * time is asked whether it still works. Default: 10 000.
   */
  readonly timeout?: number | undefined;
  /** The longest pause between two attempts to connect, in milliseconds, 1 or more. Default: 5000. */
  readonly maxDelay?: number | undefined;
}

const table: OptionTable<PostgresBackplaneOptions> = {
  prefix: text,
  table: text,
  rowTime: milliseconds,
  timeout: milliseconds,
  maxDelay: milliseconds,
};

/** The limit of the first pause, in milliseconds. */
const initialDelay = 100;
/** The longest time that timers take, in milliseconds. */
const longestTime = 2 ** 31 - 1;

/**
 * Makes a backplane of clients for PostgreSQL.
 *
 * @param newClient Gives a new client at each call, such as `new Client(...)` of `pg`, which has not connected yet. Each server
 * that joins uses two clients, and two new ones after an outage.
 * @throws {TypeError} `newClient` is not a function, or an option has a wrong type. @throws {RangeError} An option is out of its
 * range.
 */
export function postgresBackplane(
  newClient: () => PostgresClient,
  options: PostgresBackplaneOptions = {},
): Backplane {
  checkKind("newClient", callback, newClient);
  checkOptions(options, table);
  const { prefix = "framewire:", timeout = 10_000, maxDelay = 5000 } = options;
  const { table: name = "framewire_messages", rowTime = 30_000 } = options;
  if (!/^[ -~]*$/.test(prefix) || prefix.length > longestPrefix) {
    throw new RangeError(
      `prefix must have at most ${longestPrefix} characters of ASCII: ${JSON.stringify(prefix)}`,
    );
  }
  if (!/^\w{1,63}(?:\.\w{1,63})?$/.test(name)) {
    throw new RangeError(
      `table must be a name of letters, digits and "_", or a schema's and a table's: ${JSON.stringify(name)}`,
    );
  }
  for (const [key, value] of Object.entries({ rowTime, timeout, maxDelay })) checkTime(key, value);
  const sqlTable = name.split(".").map(quoted).join(".");
  return {
    async join(member) {
      const rows = new MessageRows(sqlTable, rowTime, member.id);
      const parts = { member, prefix, timeout, rows, newClient: newClients(newClient) };
      const membership = new PostgresMembership(parts, maxDelay);
      await membership.open();
      return membership;
    },
  };
}

function checkTime(name: string, value: number): void {
  checkMilliseconds(name, value);
  if (value >= 1 && value <= longestTime) return;
  throw new RangeError(`${name} must be milliseconds from 1 to ${longestTime}: ${value}`);
}

const aClient = /* @__PURE__ */ having(
  "a Client of pg that has not connected yet",
  ...["connect", "query", "end", "on"],
);

/**
 * Gives a function that makes clients. It throws if it gets no client, or the same one again, since a client connects only once.
 */
function newClients(newClient: () => PostgresClient): () => PostgresClient {
  const used = new WeakSet<PostgresClient>();
  return () => {
    const client = newClient();
    checkKind("What newClient() gives", aClient, client);
    if (used.has(client)) {
      throw new TypeError(
        "newClient() must give another client each time: write () => new Client(...)",
      );
    }
    used.add(client);
    return client;
  };
}

type MembershipParts = Pick<
  ConstructorParameters<typeof Session>[0],
  "member" | "prefix" | "timeout" | "rows" | "newClient"
>;

/** One server on PostgreSQL. */
class PostgresMembership implements BackplaneMembership {
  readonly #parts: MembershipParts;
  readonly #member: BackplaneMember;
  readonly #maxDelay: number;
  readonly #joined = newDeferred<void>();
  /** "opening" for the first time; "up"; "down" until a new session listens to all topics that are wanted; "left". */
  #state: "opening" | "up" | "down" | "left" = "opening";
  #session: Session | undefined;
  /** How many attempts in a row have failed. */
  #failed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: MembershipParts, maxDelay: number) {
    this.#parts = parts;
    this.#member = parts.member;
    this.#maxDelay = maxDelay;
  }

  /** Connects. Resolves when that is done, or when the first attempt has failed and others will follow. */
  async open(): Promise<void> {
    this.#dial();
    await this.#joined.promise;
  }

  async publish(topic: string, envelope: Uint8Array): Promise<void> {
    await this.#whileUp().publish(topic, envelope);
  }

  async subscribe(topic: string): Promise<void> {
    await this.#whileUp().listen([topic]);
  }

  async unsubscribe(topic: string): Promise<void> {
    await this.#whileUp().unlisten(topic);
  }

  async leave(signal: RuntimeSignal): Promise<void> {
    const isUp = this.#state === "up";
    this.#state = "left";
    clearTimeout(this.#timer);
    this.#parts.rows.stop();
    const session = this.#session;
    if (session === undefined) return;
    signal.addEventListener("abort", () => {
      session.drop();
    });
    if (isUp) await session.end();
    session.drop();
  }

  #dial(): void {
    let session: Session;
    try {
      session = new Session({ ...this.#parts, lost: this.#lost });
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#session = session;
    void this.#enter(session);
  }

  async #enter(session: Session): Promise<void> {
    try {
      await session.open();
      if (this.#state === "down") await session.listen(this.#member.topics());
    } catch (error) {
      // If a connection was lost, the session has reported it already, and this call does nothing.
      session.lose(error);
      return;
    }
    // The session is lost since then, or the server has left.
    if (this.#session !== session) return;
    this.#failed = 0;
    if (this.#state === "opening") {
      this.#state = "up";
      this.#joined.resolve();
    } else if (this.#state === "down") {
      this.#state = "up";
      this.#member.state("up");
      this.#member.gap();
      // Some topics may have been dropped while the session began to listen to them.
      session.keepOnly(this.#member.topics());
    }
  }

  readonly #lost = (session: Session, error: unknown): void => {
    if (session === this.#session) this.#fail(error);
  };

  /** A session is lost, or could not begin. Plans the next attempt. */
  #fail(error: unknown): void {
    this.#session = undefined;
    if (this.#state === "left") return;
    if (this.#state === "opening" && isHopeless(error)) {
      this.#state = "left";
      this.#parts.rows.stop();
      this.#joined.reject(error);
      return;
    }
    this.#state = "down";
    this.#member.state("down", error);
    this.#joined.resolve();
    this.#failed++;
    // The pause is random, so that servers that have lost PostgreSQL together do not come back together.
    const limit = Math.min(this.#maxDelay, initialDelay * 2 ** (this.#failed - 1));
    this.#timer = setTimeout(() => {
      this.#dial();
    }, Math.random() * limit);
  }

  #whileUp(): Session {
    if (this.#state !== "up") throw new BackplaneError("DOWN");
    return this.#session!;
  }
}
