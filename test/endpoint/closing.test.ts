import { describe, expect, it } from "vitest";
import { type ClosingEvent, type ClosingState, nextClosing } from "../../src/endpoint/closing.ts";

describe("nextClosing()", () => {
  it.each<[state: ClosingState, event: ClosingEvent, next: ClosingState]>([
    ["open", "sendClose", "closeSent"],
    ["open", "receiveClose", "closed"],
    ["open", "fail", "closed"],
    ["closeSent", "sendClose", "closeSent"],
    ["closeSent", "receiveClose", "closed"],
    ["closeSent", "fail", "closed"],
    ["closed", "sendClose", "closed"],
    ["closed", "receiveClose", "closed"],
    ["closed", "fail", "closed"],
  ])("%s, %s → %s", (state, event, next) => {
    expect(nextClosing(state, event)).toBe(next);
  });
});
