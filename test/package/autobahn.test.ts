import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect, serve } from "../../adapters/node/index.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { root } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

const executeFile = promisify(execFile);

/** Runs a script of package.json, and gives its exit code and what it printed. */
async function run(script: string, args: readonly string[]) {
  try {
    const { stdout } = await executeFile("npm", ["run", "-s", script, "--", ...args], {
      cwd: root,
    });
    return { code: 0, stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, stdout };
  }
}

/** The message of case 9.4.1, as the suite sends it: in frames of 64 bytes, and an empty one behind them. */
async function sendFragments(ws: Connection): Promise<void> {
  const writer = ws.beginMessage({ binary: true, compress: false });
  const piece = new Uint8Array(64);
  for (let i = 0; i < 65_536; i++) await writer.write(piece);
  await writer.close();
}

/** What the fuzzing server does as far as a client can tell, with five cases. */
async function fuzzingServer() {
  const lines: string[] = [];
  const server = await serve(
    { port: 0, hostname: "127.0.0.1", compression: true },
    {
      upgrade: ({ query }) => (query.get("case") === "2" ? { status: 503 } : undefined),
      async open(ws) {
        const { pathname, searchParams } = new URL(ws.target, "http://localhost");
        const agent = searchParams.get("agent");
        if (pathname === "/getCaseCount") {
          await ws.send("5");
        } else if (pathname === "/updateReports") {
          lines.push(`reports of ${agent}`);
          await ws.close(1000);
        } else {
          const number = searchParams.get("case");
          if (number === "3") await ws.close(3000);
          else if (number === "5") await sendFragments(ws);
          else await ws.send(`case ${number} of ${agent}`);
        }
      },
      message(ws, data) {
        const content = typeof data === "string" ? data : `${data.length} bytes`;
        lines.push(`${content} ${ws.extensions.split(";")[0]}`);
        void ws.close(1000);
      },
    },
  );
  onTestFinished(async () => void (await server.shutdown({ deadline: 0 })));
  return { url: `ws://127.0.0.1:${server.port}`, lines };
}

describe.each(["node", "deno", "bun"])("autobahn:client on %s", (runtime) => {
  it("runs every case, however one ends, and asks for the reports", async () => {
    const { url, lines } = await fuzzingServer();
    const { code, stdout } = await run("autobahn:client", [runtime, url, `my ${runtime}`]);
    const agent = `my ${runtime}`;
    expect(lines).toEqual([
      `case 1 of ${agent} permessage-deflate`,
      `case 4 of ${agent} permessage-deflate`,
      "4194304 bytes permessage-deflate",
      `reports of ${agent}`,
    ]);
    expect(stdout.trim().split("\n")).toEqual([
      "1/5: 1000 clean",
      expect.stringMatching(/^2\/5: no connection: DialError: /),
      "3/5: 3000 clean",
      "4/5: 1000 clean",
      "5/5: 1000 clean",
      `5 cases run as ${agent}`,
    ]);
    expect(code).toBe(0);
  });
});

describe.each(["node", "deno", "bun"])("the echo server on %s", (runtime) => {
  it("accepts the message in 65 537 frames that case 9.4.1 sends", async () => {
    const program = startProgram([process.execPath, "scripts/echo.mjs", runtime, "0"]);
    onTestFinished(async () => void (await program.stop()));
    const [, port] = await program.line(/listening on (\d+)/);
    const ws = await connect(`ws://127.0.0.1:${port}/`);
    await sendFragments(ws);
    expect(await ws.receive()).toHaveLength(4_194_304);
    await ws.close();
  });
});

describe("autobahn:report", () => {
  const informational = new Set(["7.1.6", "7.13.1", "7.13.2"]);

  /** A report in which all is well, but for what `change` does to it. */
  function report(change: (results: Record<string, Record<string, unknown>>) => void): string {
    const ids = [...informational, ...Array.from({ length: 514 }, (_, i) => `1.1.${i + 1}`)];
    const results = Object.fromEntries(
      ids.map((id) => [
        id,
        {
          behavior: informational.has(id) ? "INFORMATIONAL" : "OK",
          behaviorClose: informational.has(id) ? "INFORMATIONAL" : "OK",
        },
      ]),
    );
    change(results);
    const folder = mkdtempSync(join(tmpdir(), "framewire-"));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const path = join(folder, "index.json");
    writeFileSync(path, JSON.stringify({ framewire: results }));
    return path;
  }

  it("passes for 514 times OK", async () => {
    const { code, stdout } = await run("autobahn:report", [report(() => {})]);
    expect([code, stdout]).toEqual([0, "framewire: as expected\n"]);
  });

  it.each<[string, (results: Record<string, Record<string, unknown>>) => void, string]>([
    ["a verdict is less", (r) => (r["1.1.1"]!["behavior"] = "NON-STRICT"), "1.1.1: NON-STRICT"],
    ["a close is wrong", (r) => (r["1.1.2"]!["behaviorClose"] = "WRONG CODE"), "close WRONG CODE"],
    ["a case is missing", (r) => delete r["1.1.3"], "516 cases, and not 517"],
  ])("fails if %s", async (_, change, text) => {
    const { code, stdout } = await run("autobahn:report", [report(change)]);
    expect(code).toBe(1);
    expect(stdout).toContain(text);
  });

  it("fails if there is nothing to judge", async () => {
    const path = report(() => {});
    writeFileSync(path, "{}");
    expect((await run("autobahn:report", [path])).code).toBe(1);
  });
});

describe("the suite's configuration", () => {
  it.each(["fuzzingserver.json", "fuzzingclient.json"])("%s runs every case", (name) => {
    const text = readFileSync(join(root, "test/autobahn", name), "utf8");
    const { cases, ...rest } = JSON.parse(text) as Record<string, unknown>;
    expect(cases).toEqual(["*"]);
    expect(rest["exclude-cases"]).toEqual([]);
    expect(rest["exclude-agent-cases"]).toEqual({});
  });
});
