import { describe, expect, it } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

const program = "test/support/unclosed.mjs";

describe.each(["node", "deno", "bun"] as const)("a program on %s", (runtime) => {
  it.each(["open", "one-shot"])(
    "ends although it has closed no compression session, no Helper and no FlateWriter: zlib %s",
    async (way) => {
      const { ended } = startProgram([...runtimeCommand(runtime), program, way]);
      expect(await ended).toEqual({ code: 0, output: "all is sent\n" });
    },
  );
});
