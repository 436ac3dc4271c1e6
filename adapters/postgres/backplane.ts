/**
 * A backplane over PostgreSQL's LISTEN and NOTIFY: a channel for each topic.
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

/** How publications go over PostgreSQL. */
export interface PostgresBackplaneOptions {
  /** What is in front of a topic in the name of its channel: at most 18 characters of ASCII. Default: "framewire:". */
  readonly prefix?: string | undefined;
  /**
   * The table for messages that are too large for a notification, with or without its schema. It is made when it is missed. Default:
   * "framewire_messages".
   */
  readonly table?: string | undefined;
  /** Milliseconds, from 1 on, that a row of it is kept. Default: 30 000. */
  readonly rowTime?: number | undefined;
  /**
   * Milliseconds, from 1 on, that an answer is waited for before a connection is given up; one that is idle is asked as often whether it
   * is there. Default: 10 000.
   */
  readonly timeout?: number | undefined;
  /** Milliseconds, from 1 on, up to which the pauses between attempts to connect grow. Default: 5000. */
  readonly maxDelay?: number | undefined;
}

const table: OptionTable<PostgresBackplaneOptions> = {
  prefix: text,
  table: text,
  rowTime: milliseconds,
  timeout: milliseconds,
  maxDelay: milliseconds,
};

/** Milliseconds that the first pause takes at the most. */
const initialDelay = 100;
/** What timers take. */
const longestTime = 2 ** 31 - 1;

/**
 * Makes a backplane of clients for PostgreSQL.
 *
 * @param newClient Gives a client that has not connected yet, such as `new Client(...)` of `pg`, another one each time. Each server
 * that joins has two, and another two after an outage.
 * @throws {TypeError} `newClient` is no function, or an option is of a wrong type. @throws {RangeError} An option is out of its range.
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

/** Gives what makes clients, and throws where it is given none, or one that it had before: a client connects once. */
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
  /** "opening" for the first time; "up"; "down" until another session has subscribed to what is wanted; "left". */
  #state: "opening" | "up" | "down" | "left" = "opening";
  #session: Session | undefined;
  /** Attempts in a row that have failed. */
  #failed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: MembershipParts, maxDelay: number) {
    this.#parts = parts;
    this.#member = parts.member;
    this.#maxDelay = maxDelay;
  }

  /** Connects; resolves when that is done, or when the first attempt has failed and others will follow. */
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
      // Where a connection was lost, that is told, and this is nothing new.
      session.lose(error);
      return;
    }
    // Lost since then, or left.
    if (this.#session !== session) return;
    this.#failed = 0;
    if (this.#state === "opening") {
      this.#state = "up";
      this.#joined.resolve();
    } else if (this.#state === "down") {
      this.#state = "up";
      this.#member.state("up");
      this.#member.gap();
      // What was let go while they were subscribed to.
      session.keepOnly(this.#member.topics());
    }
  }

  readonly #lost = (session: Session, error: unknown): void => {
    if (session === this.#session) this.#fail(error);
  };

  /** A session is lost, or could not begin. */
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
    // Drawn anew each time, so that servers which have lost PostgreSQL together do not come back together.
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
