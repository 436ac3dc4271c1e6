import { describe, expect, it } from "vitest";
import { CloseEvent, ErrorEvent, Event, MessageEvent } from "../../../adapters/ws/events.ts";

/** How listeners get them is in emitter.test.ts. */
describe("The events", () => {
  it.each([
    [new Event("open", 1), { type: "open", target: 1 }],
    [new Event("open"), { type: "open", target: null }],
    [new MessageEvent(1, "a"), { type: "message", target: 1, data: "a" }],
    [
      new CloseEvent(1, 1000, "why", true),
      { type: "close", target: 1, code: 1000, reason: "why", wasClean: true },
    ],
    [new ErrorEvent(1, 2, "three"), { type: "error", target: 1, error: 2, message: "three" }],
  ])("say in their fields what happened: %o", (event, fields) => {
    expect({ ...event }).toEqual(fields);
  });
});
