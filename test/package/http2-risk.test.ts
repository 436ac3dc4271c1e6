import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { connect as connectWebSocket } from "framewire/http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import {
  Ack,
  extendedConnect,
  frame,
  frameReader,
  goaway,
  preface,
  Settings,
  settings,
} from "../support/http2-raw.ts";
import { type Program, startProgram } from "../support/program.ts";

/** What peers can do to a process by HTTP/2, on each runtime: in processes of their own, since some end by it. */

const refusal = /^TypeError: HTTP\/2 is off on Deno: .* http2MayCrash: true\n$/;

async function startServer(runtime: string, kind: "plain" | "framewire"): Promise<Program> {
  const program = startProgram([...runtimeCommand(runtime), "test/support/http2-plain.mjs", kind]);
  onTestFinished(async () => void (await program.stop()));
  return program;
}

/** A peer that says it goes away, and opens streams all the same, all in one segment. */
async function attack(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {}); // `close` follows
  const answered = new Promise<void>((resolve) => {
    socket.on(
      "data",
      frameReader(({ type, flags }) => {
        if (type === Settings && (flags & Ack) !== 0) resolve();
      }),
    );
  });
  socket.write(Buffer.concat([preface, settings(), frame(Settings, Ack, 0)]));
  await Promise.race([answered, closed]);
  socket.write(Buffer.concat([goaway(0), extendedConnect(1), goaway(0), extendedConnect(3)]));
  socket.end();
  await closed;
}

/** Attacks until the process has ended, or `most` times; gives whether it lives. */
async function survives(program: Program, most: number): Promise<boolean> {
  const [, port] = await program.line(/^listening on (\d+)$/m);
  let lives = true;
  void program.ended.then(() => (lives = false));
  for (let i = 0; i < most && lives; i++) await attack(Number(port));
  return lives;
}

describe("a server of node:http2, and a peer's GOAWAY among other frames", () => {
  it(
    "on deno: ends its process, which is why framewire refuses it",
    { timeout: 60_000 },
    async () => {
      const plain = await startServer("deno", "plain");
      // Where this fails, Deno has mended it: adapters/http2/risk.ts may let that version through.
      expect(await survives(plain, 5000)).toBe(false);
      expect((await plain.ended).code).not.toBe(0);
      const refused = await startServer("deno", "framewire");
      expect(await refused.ended).toEqual({ code: 3, output: expect.stringMatching(refusal) });
    },
  );

  it.each(["node", "bun"])("on %s: lives on with framewire's WebSockets", async (runtime) => {
    const program = await startServer(runtime, "framewire");
    expect(await survives(program, 500)).toBe(true);
    const [, port] = await program.line(/^listening on (\d+)$/m);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    onTestFinished(() => {
      session.destroy();
    });
    const ws = await connectWebSocket(`ws://127.0.0.1:${port}`, { session });
    await ws.send("Hello");
    expect(await ws.receive()).toBe("Hello");
    expect(await ws.close()).toMatchObject({ clean: true });
  });
});

describe("20 sessions with WebSockets that nobody reads, GOAWAY and ends at random", () => {
  // Of a round: 3 neighbours with 30 messages each; two ends of each of them, and of one or two that nobody reads.
  const lines = Array.from({ length: 20 }, (_, i) => {
    const closed = (i + 1) % 3 === 2 ? 10 : 8;
    return `${i + 1}: 90 heard in order, ${closed} closed\n`;
  });

  it.each(["node", "bun"])(
    "on %s: no crash, no frozen neighbour",
    { timeout: 60_000 },
    async (runtime) => {
      const program = startProgram([...runtimeCommand(runtime), "test/support/http2-sessions.mjs"]);
      expect(await program.ended).toEqual({ code: 0, output: `${lines.join("")}all rounds\n` });
    },
  );

  it("on deno: refused", async () => {
    const program = startProgram([...runtimeCommand("deno"), "test/support/http2-sessions.mjs"]);
    expect(await program.ended).toEqual({ code: 3, output: expect.stringMatching(refusal) });
  });
});
