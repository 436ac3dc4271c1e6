import { describe, expect, it } from "vitest";
import { Routes } from "../../../src/connection/server/routes.ts";

const routes = new Routes({
  "/": "home",
  "/chat": "chat",
  "/rooms/:room": "room",
  "/rooms/lobby": "lobby",
  "/rooms/:room/:user": "user",
  "/files/*": "files",
  "/:any": "any",
});

/** What a path matches, and the parameters. */
function found(path: string): unknown[] {
  const match = routes.find(path);
  return match === undefined ? [] : [match.target, { ...match.params }];
}

describe("Routes", () => {
  it.each<[string, ...unknown[]]>([
    ["/", "home", {}],
    ["/chat", "chat", {}],
    ["/c%68at", "chat", {}],
    ["/rooms/tea", "room", { room: "tea" }],
    ["/rooms/lobby", "lobby", {}],
    ["/rooms/tea%20time", "room", { room: "tea time" }],
    ["/rooms/a%2Fb", "room", { room: "a/b" }],
    ["/rooms/100%", "room", { room: "100%" }],
    ["/rooms/tea/ann", "user", { room: "tea", user: "ann" }],
    ["/files/a/b.txt", "files", { "*": "a/b.txt" }],
    ["/files/", "files", { "*": "" }],
    ["/files", "any", { any: "files" }],
    ["/Chat", "any", { any: "Chat" }],
    ["/%63hat%2F", "any", { any: "chat/" }],
    ["/__proto__", "any", { any: "__proto__" }],
  ])("leads %s to its target", (path, ...expected) => {
    expect(found(path)).toEqual(expected);
  });

  it.each([
    "/chat/",
    "/rooms/",
    "/rooms//ann",
    "/rooms/tea/",
    "/rooms/a/b/c",
    "/x/y",
    "/rooms%2Flobby/x",
  ])("finds no target for %s", (path) => {
    expect(found(path)).toEqual([]);
  });

  it("does not treat an encoded slash as a border if a path matches exactly", () => {
    expect(new Routes({ "/a/b": 1 }).find("/a%2Fb")).toBeUndefined();
  });

  it("gives parameters their names whatever they are called", () => {
    expect(new Routes({ "/:__proto__": 1 }).find("/x")?.params["__proto__"]).toBe("x");
  });

  it.each(["chat", "", "/a/*/b", "/*/"])("refuses the pattern %j", (pattern) => {
    expect(() => new Routes({ [pattern]: 1 })).toThrow(TypeError);
  });
});
