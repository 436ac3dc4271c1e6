import { describe, expect, it } from "vitest";
import { PresenceTopic } from "../../../src/nodes/presence/topic.ts";

const entry = { connections: 1, stamp: 0, state: undefined };

function newTopic(lines: string[], maxKeys = 9): PresenceTopic {
  return new PresenceTopic("t", 5, {
    id: "me",
    maxKeys,
    changed: (topic, { type, member }) => void lines.push(`${topic.name} ${type} ${member.key}`),
    dropped: () => void lines.push("dropped"),
  });
}

describe("PresenceTopic", () => {
  it("combines the keys of this node's connections and of other nodes", () => {
    const lines: string[] = [];
    const topic = newTopic(lines, 1);
    topic.setOwn("ann", entry);
    const keys = [
      ["ann", entry],
      ["bob", entry],
    ] as const;
    topic.take("other", { topic: "t", at: 3, part: 0, isLast: true, keys, gone: [] });
    topic.setOwn("ann", undefined);
    expect(lines).toEqual(["t joined ann", "dropped"]);
    expect(topic.members()).toEqual([{ key: "ann", state: undefined, connections: 1 }]);
    expect([topic.known("other").at, topic.known("nobody").at, topic.own.at]).toEqual([3, 0, 5]);
    expect([topic.mark("other", 4), topic.known("other").isAsked]).toEqual([true, true]);
    topic.forget("other");
    topic.forget("nobody");
    expect(lines.at(-1)).toBe("t left ann");
  });

  it("is wanted while it is watched, or somebody here is in it", () => {
    const topic = newTopic([]);
    expect(topic.isWanted).toBe(false);
    topic.isWatched = true;
    expect(topic.isWanted).toBe(true);
    topic.isWatched = false;
    topic.setOwn("ann", entry);
    expect(topic.isWanted).toBe(true);
  });
});
