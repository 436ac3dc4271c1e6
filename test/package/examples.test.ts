import { describe, expect, it } from "vitest";
import WebSocket from "ws";
import { runtimeCommand } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

describe.each(["node", "deno", "bun"])("examples/echo on %s", (runtime) => {
  it("starts with one command, prints its address, and echoes", async () => {
    const command = runtimeCommand(runtime);
    const example = startProgram([...command, `examples/echo/${runtime}.js`], { PORT: "0" });
    const [, address] = await example.line(/echo on (ws:\S+)/);
    const ws = new WebSocket(address!.replace("localhost", "127.0.0.1"));
    const reply = await new Promise<string>((resolve, reject) => {
      ws.on("error", reject);
      ws.on("open", () => {
        ws.send("Hello");
      });
      ws.on("message", (data) => {
        resolve(String(data));
      });
    });
    expect(reply).toBe("Hello");
    ws.terminate();
    await example.stop();
  });
});
