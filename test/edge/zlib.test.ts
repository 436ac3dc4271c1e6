import { describe, expect, it } from "vitest";
import { serve } from "../../adapters/node/index.ts";
import { startWorkerd } from "../support/workerd.ts";

describe("zlibEngine() on Workers that have Node's modules", () => {
  it.each([undefined, "open", "one-shot"])(
    "compresses there and back, by the way %s",
    async (way) => {
      await using workerd = await startWorkerd({
        entry: "test/edge/zlib-worker.mjs",
        hasNode: true,
      });
      await using server = await serve(
        { port: 0, hostname: "127.0.0.1", compression: true },
        { message: (ws, data) => ws.send(data) },
      );
      const body = JSON.stringify({ url: `ws://127.0.0.1:${server.port}/`, way });
      const response = await fetch(workerd.url, { method: "POST", body });
      expect(await response.json()).toMatchObject({
        works: [true, true],
        isSame: [true, true, true],
        isSmall: true,
        extensions: "permessage-deflate; server_max_window_bits=13; client_max_window_bits=13",
        status: 1000,
        clean: true,
      });
    },
  );
});
