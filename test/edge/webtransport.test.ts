import { expect, it } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

const orderly = { status: 1000, clean: true };

it("connections on streams of a WebTransport session carry 4 MiB beside small messages, and close in order", async () => {
  const command = [...runtimeCommand("deno"), "--unstable-net", "test/edge/webtransport.mjs"];
  const { code, output } = await startProgram(command, { NO_COLOR: "1" }).ended;
  expect([code, output]).toEqual([0, expect.stringContaining("{")]);
  expect(JSON.parse(output.slice(output.indexOf("{")))).toEqual({
    isSame: true,
    beside: "beside it",
    closures: [orderly, orderly],
    ends: [orderly, orderly],
  });
});
