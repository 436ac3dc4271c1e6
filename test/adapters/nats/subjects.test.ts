import { describe, expect, it } from "vitest";
import { subjectOf } from "../../../adapters/nats/subjects.ts";

describe("subjectOf()", () => {
  it.each([
    ["news_today-1", "p.news_today-1"],
    ["a b", "p.a%20b"],
    ["a.b", "p.a%2eb"],
    ["*", "p.%2a"],
    [">", "p.%3E"],
    ["%20", "p.%2520"],
    ["\r\nPUB x", "p.%0D%0APUB%20x"],
    ["\0", "p.%00"],
    ["(!'~)", "p.%28%21%27%7e%29"],
    ["grün", "p.gr%C3%BCn"],
    ["🫖", "p.%F0%9F%AB%96"],
    ["\ud83e", "p.%ud83e"],
    ["", "p.%"],
  ])("makes one token of %j: %j", (topic, subject) => {
    expect(subjectOf("p.", topic)).toBe(subject);
  });

  it("gives each topic its own subject, which is a valid token", () => {
    const topics = new Set<string>([
      "",
      "%",
      "%h",
      "%25",
      "%u0020",
      "\ud83e",
      "\udef6",
      "🫖",
      "~",
      "%7e",
    ]);
    for (let unit = 0; unit < 0x1_00_00; unit++) topics.add(String.fromCharCode(unit));
    const long = "x".repeat(2000);
    for (const end of ["", "a", "b", "\ud83e", "\ufffd"]) topics.add(long + end);
    const subjects = new Set<string>();
    for (const topic of topics) subjects.add(subjectOf("p.", topic));
    expect(subjects.size).toBe(topics.size);
    expect([...subjects].filter((subject) => !/^p\.[\w%-]{1,1022}$/.test(subject))).toEqual([]);
  });
});
