import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { observer } from "../../adapters/diagnostics.ts";
import { runtimeHost } from "../../adapters/runtime-services.ts";
import { connectOn } from "../../src/connection/client/connect.ts";
import { Server } from "../../src/connection/server/serve.ts";
import { memoryConnect } from "../support/memory-connect.ts";
import { runtime } from "../support/runtime.ts";

const name = "FRAMEWIRE_TEST_OF_HOST";

afterEach(() => {
  Reflect.deleteProperty(process.env, name);
});

describe("runtimeHost()", () => {
  it("is made once", () => {
    expect(runtimeHost()).toBe(runtimeHost());
  });

  it("has the diagnostics channels", () => {
    expect(runtimeHost().observer).toBe(observer);
  });

  it("reads the environment when it is asked", () => {
    const { environment } = runtimeHost();
    expect(environment!(name)).toBeUndefined();
    process.env[name] = "proxy";
    expect(environment!(name)).toBe("proxy");
  });

  it("tells that a turn is over, behind its microtasks", async () => {
    const lines: string[] = [];
    const over = new Promise<void>((resolve) => {
      runtimeHost().afterTurn!(() => {
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
      runtimeHost(),
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
      runtimeHost(),
    );
    const ws = await connectOn(
      memoryConnect(server),
      "ws://a",
      { compression: true },
      {},
      runtimeHost(),
    );
    expect(ws.extensions).toMatch(/^permessage-deflate/);
    await ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
    await ws.close();
  });
});
