import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { observer } from "../../adapters/diagnostics.ts";
import { runtimeServices } from "../../adapters/runtime-services.ts";
import { connectOn } from "../../src/connection/client/connect.ts";
import { Server } from "../../src/connection/server/serve.ts";
import { memoryConnect } from "../support/memory-connect.ts";
import { countingResponse } from "../support/response-questions.ts";
import { runtime } from "../support/runtime.ts";

const name = "FRAMEWIRE_TEST_OF_HOST";

afterEach(() => {
  Reflect.deleteProperty(process.env, name);
});

describe("runtimeHost()", () => {
  it("is made once", () => {
    expect(runtimeServices()).toBe(runtimeServices());
  });

  it("has the diagnostics channels", () => {
    expect(runtimeServices().observer).toBe(observer);
  });

  it("reads the environment when it is asked", () => {
    const { environment } = runtimeServices();
    expect(environment!(name)).toBeUndefined();
    process.env[name] = "proxy";
    expect(environment!(name)).toBe("proxy");
  });

  it("asks for the runtime's Response when a server has a handler that answers with one, and not before", async () => {
    const { Response } = globalThis;
    await countingResponse(async (questions) => {
      const fresh = await import("../../adapters/runtime-services.ts");
      const services = fresh.runtimeServices();
      new Server({ port: 0 }, { message() {} }, services);
      await expect(
        connectOn(() => Promise.reject(new Error("no")), "ws://a", {}, {}, services),
      ).rejects.toThrow();
      expect(questions()).toBe(0);
      new Server({ port: 0 }, { fetch: () => new Response() }, services);
      expect(questions()).toBe(1);
    });
  });

  it("keeps the context in which it is asked for that", () => {
    const room = new AsyncLocalStorage<string>();
    const inContext = room.run("one", () => runtimeServices().bindContext!());
    const seen: (string | undefined)[] = [];
    const look = (): void => void seen.push(room.getStore());
    inContext(look);
    room.run("two", () => {
      inContext(look);
      look();
    });
    expect(seen).toEqual(["one", "one", "two"]);
  });

  it("tells the value of a promise that has it already, on Bun", () => {
    const { valueNow } = runtimeServices();
    if (runtime !== "bun") {
      expect(valueNow).toBeUndefined();
      return;
    }
    expect(valueNow!(Promise.resolve(1))).toBe(1);
    expect(valueNow!(new Promise(() => {}))).toBeUndefined();
    expect(valueNow!({ then() {} } as unknown as Promise<number>)).toBeUndefined();
    const failed = Promise.reject(new Error("no"));
    failed.catch(() => {});
    expect(valueNow!(failed)).toBeUndefined();
  });

  it("tells that a turn is over, behind its microtasks", async () => {
    const lines: string[] = [];
    const over = new Promise<void>((resolve) => {
      runtimeServices().afterTurn!(() => {
        lines.push("turn");
        resolve();
      });
    });
    for (let i = 0; i < 20; i++) await undefined;
    lines.push("microtasks");
    await over;
    expect(lines).toEqual(["microtasks", "turn"]);
  });

  it("says which messages of one chunk share an ArrayBuffer, as the runtime's engine makes it pay", async () => {
    // Of 64 and of 65 bytes, of 1000 and of 1001.
    const shares = {
      node: [false, true, true, true],
      deno: [true, true, true, true],
      bun: [false, true, true, true],
    };
    const kept: Uint8Array[] = [];
    const server = new Server(
      { port: 0 },
      { message: (_, data) => void kept.push(data as Uint8Array) },
      runtimeServices(),
    );
    const ws = await connectOn(memoryConnect(server), "ws://a");
    for (const size of [64, 65, 1000, 1001]) void ws.send(new Uint8Array(size));
    await ws.close();
    expect(kept.map(({ buffer, length }) => buffer.byteLength !== length)).toEqual(shares[runtime]);
  });

  it("compresses for servers and clients that name no engine", async () => {
    const server = new Server(
      { port: 0, compression: true },
      { message: (ws, data) => ws.send(data) },
      runtimeServices(),
    );
    const ws = await connectOn(
      memoryConnect(server),
      "ws://a",
      { compression: true },
      {},
      runtimeServices(),
    );
    expect(ws.extensions).toMatch(/^permessage-deflate/);
    await ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
    await ws.close();
  });
});
