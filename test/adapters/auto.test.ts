import { describe, expect, it } from "vitest";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";

describe("framewire/auto", () => {
  it("is the adapter of the runtime at hand", async () => {
    const auto = (await import(`../../adapters/auto/${runtime}.ts`)) as typeof adapter;
    const { adopt, createServer, serve, connect, listen, dial, WebSocketStream } = adapter;
    const { connectStream, listenTransport, connectTransport } = adapter;
    expect({ ...auto }).toEqual({
      adopt,
      createServer,
      serve,
      connect,
      WebSocketStream,
      listen,
      dial,
      connectStream,
      listenTransport,
      connectTransport,
    });
  });

  it("says what to import where there is none", async () => {
    await expect(import("../../adapters/auto/none.ts")).rejects.toThrow("import framewire/node");
  });
});
