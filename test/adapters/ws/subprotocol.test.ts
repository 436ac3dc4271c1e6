import { describe, expect, it } from "vitest";
import { parse } from "../../../adapters/ws/subprotocol.ts";

describe("parse()", () => {
  it.each([
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    ["a , b\t,c", ["a", "b", "c"]],
    ["graphql-transport-ws", ["graphql-transport-ws"]],
  ])("reads %o", (header, names) => {
    expect([...parse(header)]).toEqual(names);
  });

  it.each(["", ",", "a,", "a,,b", "a b", "a;b", "ä", "a,a"])("refuses %o", (header) => {
    expect(() => parse(header)).toThrow(SyntaxError);
  });
});
