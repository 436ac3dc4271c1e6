import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Stands for a browser's class: it keeps what it is made with. */
class PlatformSocket {
  readonly given: unknown[];

  constructor(...given: unknown[]) {
    this.given = given;
  }
}

describe("framewire/websocket where the platform has a WebSocket", () => {
  const saved = ["WebSocket", "CloseEvent"].map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  );
  let platform: typeof import("../../../adapters/websocket/platform.ts");

  beforeAll(async () => {
    Object.defineProperty(globalThis, "WebSocket", { value: PlatformSocket, configurable: true });
    Object.defineProperty(globalThis, "CloseEvent", { value: Event, configurable: true });
    platform = await import("../../../adapters/websocket/platform.ts");
  });

  afterAll(() => {
    for (const [name, descriptor] of saved) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  });

  it("is the platform's own WebSocket", () => {
    const { WebSocket, CloseEvent } = platform;
    const Untyped = WebSocket as new (...given: unknown[]) => PlatformSocket;
    expect(new Untyped("ws://a.test")).toBeInstanceOf(PlatformSocket);
    expect(new Untyped("ws://a.test", "chat").given).toEqual(["ws://a.test", "chat"]);
    expect(new Untyped("ws://a.test", "chat", {}).given).toEqual(["ws://a.test", "chat"]);
    expect([WebSocket.name, WebSocket.length]).toEqual(["WebSocket", 1]);
    expect(CloseEvent).toBe(Event);
  });

  it("refuses options, rather than ignore them", () => {
    const Untyped = platform.WebSocket as new (...given: unknown[]) => object;
    expect(() => new Untyped("ws://a.test", [], { headers: {} })).toThrow(
      "This platform's WebSocket has no options: headers",
    );
  });

  it("says that there is no server", () => {
    expect(() => platform.webSocketHandlers()).toThrow(TypeError);
  });
});
