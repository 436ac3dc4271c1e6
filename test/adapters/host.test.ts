import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { observer } from "../../adapters/diagnostics.ts";
import { runtimeHost } from "../../adapters/host.ts";
import { connectOn } from "../../src/connection/connect.ts";
import { Server } from "../../src/connection/serve.ts";
import { memoryConnect } from "../support/memory-connect.ts";

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
