import { describe, expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import { runtimeCommand } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

/** What the table of README.md says of framewire and of others, as far as a client can see it. */

interface Library {
  readonly name: string;
  readonly runtime: string;
  /** Messages of one connection that are handled at a time, of ten that are sent at once. */
  readonly atATime: number;
  /** Whether a page of another origin may use the cookies of a user, unless told otherwise. */
  readonly letsIn: boolean;
  readonly compresses: boolean;
}

const libraries: Library[] = [
  { name: "framewire", runtime: "node", atATime: 1, letsIn: false, compresses: true },
  { name: "framewire", runtime: "deno", atATime: 1, letsIn: false, compresses: true },
  { name: "framewire", runtime: "bun", atATime: 1, letsIn: false, compresses: true },
  { name: "ws", runtime: "node", atATime: 10, letsIn: true, compresses: true },
  { name: "crossws", runtime: "node", atATime: 10, letsIn: true, compresses: true },
  { name: "bun", runtime: "bun", atATime: 10, letsIn: true, compresses: true },
  { name: "deno", runtime: "deno", atATime: 10, letsIn: true, compresses: false },
];

const foreign = { origin: "https://elsewhere.example", headers: { Cookie: "session=1" } };

/** Opens a client; undefined where it is refused. */
function open(port: number, options = {}): Promise<WebSocket | undefined> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}`, options);
  onTestFinished(() => ws.terminate());
  return new Promise((resolve) => {
    ws.once("open", () => resolve(ws));
    ws.once("error", () => resolve(undefined));
  });
}

describe.each(libraries)("$name on $runtime", ({ name, runtime, atATime, letsIn, compresses }) => {
  it(`handles ${atATime} of a connection's messages at a time, ${compresses ? "compresses" : "does not compress"}, ${letsIn ? "lets in" : "refuses"} other sites' pages`, async () => {
    const program = startProgram([...runtimeCommand(runtime), "test/support/others.mjs", name]);
    onTestFinished(async () => void (await program.stop()));
    const port = Number((await program.line(/port (\d+)/))[1]);

    const ws = await open(port);
    const answers: string[] = [];
    const answered = new Promise<void>((resolve) => {
      ws!.on("message", (data) => {
        if (answers.push(String(data)) === 10) resolve();
      });
    });
    for (let i = 0; i < 10; i++) ws!.send("work");
    await answered;
    expect(Math.max(...answers.map(Number))).toBe(atATime);
    expect(ws!.extensions.includes("permessage-deflate")).toBe(compresses);
    expect((await open(port, foreign)) !== undefined).toBe(letsIn);
  });
});
