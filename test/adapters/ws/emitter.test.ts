import { afterEach, describe, expect, it } from "vitest";
import { WebSocketEmitter } from "../../../adapters/ws/emitter.ts";
import { cleanUp, ended, pair, type Shape, shapes } from "../../support/ws-shape.ts";

afterEach(cleanUp);

/** One that waits for a server to open it. */
function unconnected({ WebSocket }: Shape): InstanceType<Shape["WebSocket"]> {
  const Class = WebSocket as unknown as new (
    ...values: unknown[]
  ) => InstanceType<Shape["WebSocket"]>;
  return new Class(null, undefined, {});
}

describe.each(shapes)("The browser's events of %s", (_, shape) => {
  it("reach the attributes onopen, onmessage, onerror and onclose", async () => {
    const { client, peer } = await pair(shape);
    const told: unknown[] = [];
    peer.onmessage = ({ type, data, target }) => told.push([type, data, target === peer]);
    peer.onclose = ({ type, code, reason, wasClean, target }) =>
      told.push([type, code, reason, wasClean, target === peer]);
    const over = ended(peer);
    client.send("text");
    client.send(Buffer.from([1]));
    client.close(4000, "why");
    await over;
    expect(told).toEqual([
      ["message", "text", true],
      ["message", Buffer.from([1]), true],
      ["close", 4000, "why", true, true],
    ]);
  });

  it("reach listeners for open and error likewise", () => {
    const client = unconnected(shape);
    const told: unknown[] = [];
    const error = new Error("wrong");
    client.onopen = ({ type, target }) => told.push([type, target === client]);
    client.onerror = (event) => told.push([event.type, event.error, event.message]);
    client.emit("open");
    client.emit("error", error);
    expect(told).toEqual([
      ["open", true],
      ["error", error, "wrong"],
    ]);
  });

  it.each(["onopen", "onmessage", "onerror", "onclose"] as const)(
    "give back what %s was set to",
    (name) => {
      const client = unconnected(shape);
      const handler = (): void => {};
      expect(client[name]).toBeNull();
      client[name] = handler;
      expect(client[name]).toBe(handler);
      const other = (): void => {};
      client[name] = other;
      expect(client[name]).toBe(other);
      expect(client.listenerCount(name.slice(2))).toBe(1);
      client[name] = "no function" as never;
      expect(client[name]).toBeNull();
      expect(client.listenerCount(name.slice(2))).toBe(0);
    },
  );

  it("call a listener once if it is added twice, and respect the option once", () => {
    const client = unconnected(shape);
    const told: string[] = [];
    const listener = (): unknown => told.push("twice added");
    client.addEventListener("open", listener);
    client.addEventListener("open", listener);
    client.addEventListener("open", () => told.push("once"), { once: true });
    client.emit("open");
    client.emit("open");
    expect(told).toEqual(["twice added", "once", "twice added"]);
    client.removeEventListener("open", listener);
    client.removeEventListener("open", listener);
    client.emit("open");
    expect(told).toHaveLength(3);
  });

  it("call handleEvent of an object, with that as this", () => {
    const client = unconnected(shape);
    const listener = {
      told: [] as unknown[],
      handleEvent(event: { type: string }) {
        this.told.push(event.type);
      },
    };
    client.addEventListener("open", listener);
    client.emit("open");
    expect(listener.told).toEqual(["open"]);
  });

  it("ignore names that no browser knows", () => {
    const client = unconnected(shape);
    client.addEventListener("ping" as "open", () => {});
    client.addEventListener("toString" as "open", () => {});
    expect(client.listenerCount("ping")).toBe(0);
    expect(client.listenerCount("toString")).toBe(0);
  });

  it("keep an attribute's handler if removeEventListener names it", () => {
    const client = unconnected(shape);
    const handler = (): void => {};
    client.onopen = handler;
    client.removeEventListener("open", handler);
    expect(client.onopen).toBe(handler);
  });
});

describe("WebSocketEmitter", () => {
  it("works for listeners that are added as to an emitter, too", () => {
    const emitter = new WebSocketEmitter();
    const told: unknown[] = [];
    emitter.on("message", (data, isBinary) => told.push([data, isBinary]));
    emitter.emit("message", Buffer.from("a"), false);
    expect(told).toEqual([[Buffer.from("a"), false]]);
  });
});
