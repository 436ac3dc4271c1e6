import { describe, expect, it } from "vitest";
import { checkCloseInfo, WebSocketError } from "../../../src/connection/client/websocket-error.ts";

describe("checkCloseInfo()", () => {
  it.each([
    [{}, 0, ""],
    [{ closeCode: 1000 }, 1000, ""],
    [{ closeCode: 3000, reason: "bye" }, 3000, "bye"],
    [{ closeCode: 4999 }, 4999, ""],
    [{ reason: "bye" }, 1000, "bye"],
    [{ reason: "x".repeat(123) }, 1000, "x".repeat(123)],
  ])("accepts %j", (info, status, reason) => {
    expect(checkCloseInfo(info)).toEqual({ status, reason });
  });

  it.each([
    { closeCode: 1001 },
    { closeCode: 1005 },
    { closeCode: 2999 },
    { closeCode: 5000 },
    { closeCode: NaN },
    { reason: "x".repeat(124) },
    { reason: "\u20AC".repeat(42) },
  ])("refuses %j", (info) => {
    expect(() => checkCloseInfo(info)).toThrow(RangeError);
  });
});

describe("WebSocketError", () => {
  it("has a code and a reason to close with, or none", () => {
    expect(new WebSocketError()).toMatchObject({ closeCode: null, reason: "", message: "" });
    const error = new WebSocketError("no more", { closeCode: 4000, reason: "done" });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "WebSocketError",
      message: "no more",
      closeCode: 4000,
      reason: "done",
    });
    expect(() => new WebSocketError("", { closeCode: 1006 })).toThrow(RangeError);
  });

  it("takes any code of a connection that broke", () => {
    const cause = new Error("reset");
    expect(WebSocketError.of("broken", 1006, "", cause)).toMatchObject({ closeCode: 1006, cause });
  });
});
