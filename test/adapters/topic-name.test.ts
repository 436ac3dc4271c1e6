import { describe, expect, it } from "vitest";
import { escapeTopic, hashTopic } from "../../adapters/topic-name.ts";

describe("escapeTopic()", () => {
  it.each([
    ["a-b", "a-b"],
    ["a b", "a%20b"],
    ["~", "%7e"],
    ["\u00fc", "%C3%BC"],
    ["\ud83e\uded6", "%F0%9F%AB%96"],
    ["\ud83e", "%ud83e"],
  ])("escapes the characters of %j that the pattern finds: %j", (topic, escaped) => {
    expect(escapeTopic(topic, /[^\w-]/gu)).toBe(escaped);
  });
});

describe("hashTopic()", () => {
  it("gives each topic a name that no escaped topic has, whatever its code units are", () => {
    const topics = ["", "a", "b", "\ud83e", "\ufffd"];
    const names = new Set(topics.map((topic) => hashTopic(topic, "hex")));
    expect(names.size).toBe(topics.length);
    for (const name of names) expect(name).toMatch(/^%h[0-9a-f]{64}$/);
    expect(hashTopic("a", "base64url")).toMatch(/^%h[\w-]{43}$/);
  });
});
