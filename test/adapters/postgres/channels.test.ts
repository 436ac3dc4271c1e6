import { describe, expect, it } from "vitest";
import { channelOf, longestPrefix, quoted } from "../../../adapters/postgres/channels.ts";

describe("channelOf()", () => {
  it.each([
    ["news_today-1", "p:news_today-1"],
    ["a.b:c", "p:a.b:c"],
    ["a b", "p:a%20b"],
    ["%20", "p:%2520"],
    [`"; DROP`, "p:%22%3B%20DROP"],
    ["it's", "p:it%27s"],
    ["\0", "p:%00"],
    ["grün", "p:gr%C3%BCn"],
    ["🫖", "p:%F0%9F%AB%96"],
    ["\ud83e", "p:%ud83e"],
  ])("gives for %j the channel %j", (topic, channel) => {
    expect(channelOf("p:", topic)).toBe(channel);
  });

  it("gives each topic its own channel, and none that PostgreSQL would cut off", () => {
    const topics = new Set<string>(["%", "%h", "%25", "%u0020", "\ud83e", "🫖", "~", "%7e"]);
    for (let unit = 0; unit < 0x1_00_00; unit += 7) topics.add(String.fromCharCode(unit));
    for (const length of [44, 45, 46, 62, 63, 64, 1024]) {
      for (const end of ["", "a", "b", "A", "\ud83e", "\ufffd"])
        topics.add("x".repeat(length) + end);
    }
    for (const prefix of ["", "p:", "x".repeat(longestPrefix)]) {
      const channels = new Set<string>();
      for (const topic of topics) channels.add(channelOf(prefix, topic));
      expect(channels.size).toBe(topics.size);
      const names = [...channels].map((channel) => channel.slice(prefix.length));
      expect(names.filter((name) => !/^[\w%.:-]+$/.test(name))).toEqual([]);
      expect(Math.max(...[...channels].map((channel) => channel.length))).toBeLessThanOrEqual(63);
    }
  });

  it("gives a topic without a name a channel, too", () => {
    expect(channelOf("", "")).toMatch(/^%h[\w-]{43}$/);
  });
});

describe("quoted()", () => {
  it("quotes a name so that no character of it ends the quotes", () => {
    expect(quoted(`Tea "hot"`)).toBe(`"Tea ""hot"""`);
  });
});
