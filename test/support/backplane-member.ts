import type { BackplaneMember } from "../../src/connection/backplane/backplane.ts";

/** A server as a driver sees it, that writes down what it is told. */
export interface TestMember extends BackplaneMember {
  /** "topic: bytes", "up", "down reason", "gap of topics". */
  readonly lines: string[];
  /** What it wants. */
  readonly wanted: Set<string>;
}

let members = 0;

/** Makes one, with an id of its own. */
export function newMember(): TestMember {
  const lines: string[] = [];
  const wanted = new Set<string>();
  return {
    id: String(++members).padStart(32, "0"),
    lines,
    wanted,
    topics: () => wanted,
    subscribers: (topic) => (wanted.has(topic) ? 1 : 0),
    deliver: (topic, bytes) => void lines.push(`${topic}: ${[...bytes].join(" ")}`),
    state: (now, reason) =>
      void lines.push(reason === undefined ? now : `${now} ${(reason as Error).message}`),
    gap: (topics) => void lines.push(topics === undefined ? "gap" : `gap of ${[...topics].join()}`),
  };
}
