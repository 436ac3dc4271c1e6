import { beforeEach, describe, expect, it } from "vitest";
import { EventHandlers } from "../../../adapters/websocket/event-handlers.ts";

describe("EventHandlers", () => {
  let target: EventTarget;
  let handlers: EventHandlers;
  let calls: string[];

  beforeEach(() => {
    target = new EventTarget();
    handlers = new EventHandlers(target);
    calls = [];
  });

  /** Tells an event, and gives who was called. */
  function told(type = "open"): string {
    calls.length = 0;
    target.dispatchEvent(new Event(type));
    return calls.join("");
  }

  it("calls a handler on the target, with the event", () => {
    let seen: unknown[] = [];
    handlers.set("open", function (this: unknown, event: Event) {
      seen = [this, event.type];
    });
    told();
    expect(seen).toEqual([target, "open"]);
  });

  it("calls a handler only for its own type", () => {
    handlers.set("open", () => calls.push("open"));
    handlers.set("close", () => calls.push("close"));
    expect([told("open"), told("close"), told("error")]).toEqual(["open", "close", ""]);
  });

  it("keeps the place of the first handler, until it is removed", () => {
    handlers.set("open", () => calls.push("h"));
    target.addEventListener("open", () => calls.push("1"));
    handlers.set("open", () => calls.push("H"));
    const first = told();
    handlers.set("open", null);
    const second = told();
    handlers.set("open", () => calls.push("h"));
    expect([first, second, told()]).toEqual(["H1", "1", "1h"]);
  });

  it("keeps an object in a place of its own, and never calls it", () => {
    const object = { handleEvent: () => calls.push("object") };
    handlers.set("open", object);
    target.addEventListener("open", () => calls.push("1"));
    const first = told();
    expect(handlers.get("open")).toBe(object);
    handlers.set("open", () => calls.push("h"));
    expect([first, told()]).toEqual(["1", "h1"]);
  });

  it.each([null, undefined, 5, "text", true])("takes %s as no handler", (value) => {
    handlers.set("open", value);
    expect(handlers.get("open")).toBeNull();
    handlers.set("open", () => calls.push("h"));
    handlers.set("open", value);
    expect(handlers.get("open")).toBeNull();
    expect(told()).toBe("");
  });
});
