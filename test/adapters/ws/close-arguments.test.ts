import { describe, expect, it } from "vitest";
import { closeArguments } from "../../../adapters/ws/close-arguments.ts";
import { afterEach } from "vitest";
import { cleanUp, pair, shapes } from "../../support/ws-shape.ts";

afterEach(cleanUp);

describe.each(shapes)("close() of %s", (_, shape) => {
  it.each<[string, unknown[], Error]>([
    [
      "a code that is none",
      [999],
      new TypeError("First argument must be a valid error code number"),
    ],
    [
      "a code that is never sent",
      [1006],
      new TypeError("First argument must be a valid error code number"),
    ],
    [
      "a code that is text",
      ["1000"],
      new TypeError("First argument must be a valid error code number"),
    ],
    [
      "a reason that is too long",
      [1000, "a".repeat(124)],
      new RangeError("The message must not be greater than 123 bytes"),
    ],
  ])("throws for %s, and leaves the connection open", async (_name, args, error) => {
    const { client } = await pair(shape);
    expect(() => {
      client.close(...(args as [number, string]));
    }).toThrow(error);
    expect(client.readyState).toBe(1);
  });
});

describe("closeArguments()", () => {
  it.each([
    [[undefined, "unheard"], { status: 1005, reason: "" }],
    [[1000, undefined], { status: 1000, reason: "" }],
    [[3000, ""], { status: 3000, reason: "" }],
    [[4999, "ä"], { status: 4999, reason: "ä" }],
    [[1014, Buffer.from("why")], { status: 1014, reason: "why" }],
  ])("makes of %o the arguments %o", ([code, data], given) => {
    expect(closeArguments(code, data)).toEqual(given);
  });

  it.each([1004, 1005, 1015, 2999, 5000, NaN])("refuses the code %o", (code) => {
    expect(() => closeArguments(code, "")).toThrow(TypeError);
  });

  it("refuses a reason that is neither text nor bytes", () => {
    expect(() => closeArguments(1000, 5)).toThrow(TypeError);
  });
});
