/**
 * Firefox without a window, driven by WebDriver BiDi: commands and their answers are JSON over a WebSocket.
 *
 * @module
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { type Program, startProgram } from "../support/program.ts";

const executable = "/usr/bin/firefox-esr";

/** Why it cannot run here; undefined where it can. */
export const firefoxAbsence: string | undefined = existsSync(executable)
  ? undefined
  : `there is no ${executable} (apt-get install firefox-esr)`;

/** What answers a command. */
interface Answer {
  readonly id: number;
  readonly type: "success" | "error";
  readonly result?: unknown;
  readonly message?: string;
}

/** A browser with one page, which takes every certificate. */
export class Firefox {
  readonly #program: Program;
  readonly #profile: string;
  readonly #session: WebSocket;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #context = "";
  #sent = 0;

  private constructor(program: Program, profile: string, session: WebSocket) {
    this.#program = program;
    this.#profile = profile;
    this.#session = session;
    session.on("message", (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer;
      this.#answers.get(answer.id)?.(answer);
      this.#answers.delete(answer.id);
    });
    session.on("close", () => {
      for (const [id, settle] of this.#answers) {
        settle({ id, type: "error", message: "Firefox has ended" });
      }
    });
  }

  static async start(): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), "framewire-firefox-"));
    const options = ["--headless", "--no-remote", "--remote-debugging-port", "0"];
    // Its files are all in the profile: it refuses a home that is another user's.
    const program = startProgram([executable, ...options, "--profile", profile], { HOME: profile });
    const [, url] = await program.line(/WebDriver BiDi listening on (ws:\S+)/);
    const session = new WebSocket(`${url}/session`);
    await new Promise((resolve, reject) => {
      session.once("open", resolve);
      session.once("error", reject);
    });
    const firefox = new Firefox(program, profile, session);
    const capabilities = { alwaysMatch: { acceptInsecureCerts: true } };
    await firefox.#call("session.new", { capabilities });
    const tree = await firefox.#call("browsingContext.getTree", {});
    firefox.#context = (tree as { contexts: [{ context: string }] }).contexts[0].context;
    // Its own first page may not connect to anything.
    await firefox.open("about:blank");
    return firefox;
  }

  /** Loads a page, and resolves when that is done. */
  async open(url: string): Promise<void> {
    await this.#call("browsingContext.navigate", {
      context: this.#context,
      url,
      wait: "complete",
    });
  }

  /** Runs a program in the page, whose value is a promise of something that JSON can say. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#call("script.evaluate", {
      expression: `(${expression}).then((value) => JSON.stringify(value))`,
      awaitPromise: true,
      target: { context: this.#context },
    });
    const { type, result, exceptionDetails } = answer as {
      readonly type: "success" | "exception";
      readonly result: { readonly value: string };
      readonly exceptionDetails?: { readonly text: string };
    };
    if (type === "exception") throw new Error(exceptionDetails!.text);
    return JSON.parse(result.value);
  }

  async stop(): Promise<void> {
    await this.#call("browser.close", {});
    await this.#program.ended;
    rmSync(this.#profile, { recursive: true, force: true });
  }

  async #call(method: string, params: object): Promise<unknown> {
    const id = ++this.#sent;
    const { type, message, result } = await new Promise<Answer>((resolve) => {
      this.#answers.set(id, resolve);
      this.#session.send(JSON.stringify({ id, method, params }));
    });
    if (type === "error") throw new Error(`${method}: ${message}`);
    return result;
  }
}
