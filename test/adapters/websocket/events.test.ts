import { describe, expect, it } from "vitest";
import {
  CloseEvent,
  closeEvent,
  failureEvent,
  messageEvent,
  OwnCloseEvent,
} from "../../../adapters/websocket/events.ts";

describe("CloseEvent", () => {
  it("is the runtime's own class, if it has one", () => {
    const own = (globalThis as { CloseEvent?: unknown }).CloseEvent;
    expect(CloseEvent).toBe(own ?? OwnCloseEvent);
  });
});

describe("OwnCloseEvent", () => {
  it("is an event with a code, a reason, and whether it was clean", () => {
    const event = new OwnCloseEvent("close", { code: 4000, reason: "why", wasClean: true });
    expect(event).toBeInstanceOf(Event);
    const { type, code, reason, wasClean } = event;
    expect([type, code, reason, wasClean]).toEqual(["close", 4000, "why", true]);
    expect(OwnCloseEvent.name).toBe("CloseEvent");
    expect(String(event)).toBe("[object CloseEvent]");
  });

  it("has defaults", () => {
    const { code, reason, wasClean } = new OwnCloseEvent("close");
    expect([code, reason, wasClean]).toEqual([0, "", false]);
  });

  it("converts its arguments as Web IDL says", () => {
    const init = { code: 65_537, reason: 5, wasClean: 1, cancelable: true };
    const event = new OwnCloseEvent("close", init as object);
    const { code, reason, wasClean, cancelable } = event as unknown as Record<string, unknown>;
    expect([code, reason, wasClean, cancelable]).toEqual([1, "5", true, true]);
  });

  it("throws without a type", () => {
    const Untyped = OwnCloseEvent as unknown as new () => unknown;
    expect(() => new Untyped()).toThrow(TypeError);
  });
});

describe("the events of a WebSocket", () => {
  it("are of the runtime's own classes", () => {
    const message = messageEvent("data", "ws://a.test") as MessageEvent;
    expect(message).toBeInstanceOf(MessageEvent);
    expect([message.type, message.data, message.origin]).toEqual([
      "message",
      "data",
      "ws://a.test",
    ]);
    const closure = { status: 4000, reason: "why", clean: true, initiator: "peer" } as const;
    expect(closeEvent(closure)).toBeInstanceOf(CloseEvent);
    expect(closeEvent(closure)).toMatchObject({ code: 4000, reason: "why", wasClean: true });
  });

  it("say why the connection has failed", () => {
    const error = new Error("why");
    const event = failureEvent(error);
    expect(event).toBeInstanceOf(Event);
    expect(event).toMatchObject({ type: "error", error, message: "why" });
    expect(failureEvent("text")).toMatchObject({ error: "text", message: "text" });
  });
});
