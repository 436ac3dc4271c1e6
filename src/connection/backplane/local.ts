/**
 * A backplane for the servers of one process.
 *
 * @module
 */

import { checkLimit } from "../../arguments.ts";
import { callback, checkOptions, number, type OptionTable } from "../../check-options.ts";
import type { Backplane, BackplaneMember } from "./backplane.ts";
import { nodeIdSize, spellNode } from "./envelope.ts";
import { histories } from "./histories.ts";
import { HistoryLog } from "./log.ts";
import { RecentMap } from "./recent.ts";
import { isReserved } from "./reserved.ts";
import { latin1 } from "../../bytes.ts";

/** How many messages a backplane in memory keeps. */
export interface LocalBackplaneOptions {
  /** Messages that are kept of each topic, so that a client that comes back gets what it has missed. Default: 0, none. */
  readonly history?: number | undefined;
  /**
   * Bytes of the kept messages of a topic, envelopes included; the newest is always kept. Default: 1 048 576; 0 or Infinity for
   * no limit.
   */
  readonly historyBytes?: number | undefined;
  /** Topics whose history is kept: at least this many of those used last, and fewer than twice as many. Default: 1 024. */
  readonly historyTopics?: number | undefined;
  /** Tells whether a topic has a history. Default: all topics have one. */
  readonly keeps?: ((topic: string) => boolean) | undefined;
}

const table: OptionTable<LocalBackplaneOptions> = {
  history: number,
  historyBytes: number,
  historyTopics: number,
  keeps: callback,
};

/**
 * Makes a backplane for the servers of one process. The servers that join it share their topics; delivery is immediate.
 *
 * @throws {TypeError} An option is not known, or of a wrong type. @throws {RangeError} A number is NaN or below 0.
 */
export function localBackplane(options: LocalBackplaneOptions = {}): Backplane {
  checkOptions(options, table);
  const { history = 0, historyBytes = 1024 ** 2, historyTopics = 1024, keeps } = options;
  checkLimit("history", history);
  checkLimit("historyBytes", historyBytes);
  checkLimit("historyTopics", historyTopics);
  const hasHistory = history > 0;
  const topics = new Map<string, Set<BackplaneMember>>();
  const logs = new RecentMap<string, HistoryLog>(historyTopics);
  const isKept = (topic: string): boolean =>
    hasHistory && !isReserved(topic) && (keeps?.(topic) ?? true);
  const run = newRun();
  let logsMade = 0;
  const logOf = (topic: string): HistoryLog => {
    let log = logs.get(topic);
    if (log === undefined) {
      // A forgotten topic begins a new history, with a new epoch, so that old positions do not fit.
      log = new HistoryLog(`${run}-${++logsMade}`, history, historyBytes || Infinity);
      logs.set(topic, log);
    }
    return log;
  };
  return {
    histories: hasHistory ? histories : undefined,
    keeps: isKept,
    join(member) {
      const own = new Set<string>();
      const unsubscribe = (topic: string): void => {
        own.delete(topic);
        const members = topics.get(topic);
        if (members?.delete(member) === true && members.size === 0) topics.delete(topic);
      };
      return {
        publish(topic, envelope) {
          // A copy, because a receiver may subscribe during the delivery.
          const members = [...(topics.get(topic) ?? [])];
          if (!isKept(topic)) {
            for (const other of members) if (other !== member) other.deliver(topic, envelope);
            return undefined;
          }
          const log = logOf(topic);
          const { offset } = log.position;
          const position = log.add(envelope);
          for (const each of members) each.deliver(topic, envelope, position, offset);
          return position;
        },
        subscribe(topic) {
          own.add(topic);
          const members = topics.get(topic);
          if (members === undefined) topics.set(topic, new Set([member]));
          else members.add(member);
        },
        unsubscribe,
        history: (topic, since) => logOf(topic).read(since),
        leave() {
          for (const topic of [...own]) unsubscribe(topic);
        },
      };
    },
  };
}

/** Gives a random text that tells this backplane's epochs from those of another. */
function newRun(): string {
  const id = crypto.getRandomValues(new Uint8Array(nodeIdSize));
  return spellNode(latin1(id, 0, nodeIdSize));
}
