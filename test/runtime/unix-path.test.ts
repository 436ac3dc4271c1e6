import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";

const folder = mkdtempSync(join(tmpdir(), "framewire-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Gives a path of so many bytes. */
function pathOf(size: number, last: string): string {
  return join(folder, "x".repeat(size - folder.length - 2) + last);
}

const most = process.platform === "linux" ? 107 : 103;

// Windows has pipes, whose names are longer.
describe.skipIf(process.platform === "win32")(`the path of a Unix socket on ${runtime}`, () => {
  it("is served and reached up to the length that the system takes", async () => {
    const path = pathOf(most, "a");
    const server = await adapter.serve({ path }, { open: (ws) => ws.send("a") });
    const ws = await adapter.connect("ws://localhost", { path });
    expect(await ws.receive()).toBe("a");
    await ws.close();
    await server.shutdown();
  });

  it("is refused beyond, for servers and clients: cut, it would be the path of another server", async () => {
    // Where paths are cut, these two are one.
    const [one, other] = [pathOf(most + 20, "a"), pathOf(most + 20, "b")];
    const message = expect.stringContaining(`at most ${most} bytes`) as string;
    const refused = { name: "RangeError", message };
    await expect(adapter.serve({ path: one }, {})).rejects.toMatchObject(refused);
    await expect(adapter.listen({ path: one })).rejects.toMatchObject(refused);
    await expect(adapter.connect("ws://localhost", { path: other })).rejects.toMatchObject(refused);
    await expect(
      adapter.connectStream({ hostname: "localhost", port: 80, path: other }),
    ).rejects.toMatchObject(refused);
  });
});
