import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { root } from "../../scripts/built.mjs";

type Answer = Readonly<Record<string, unknown>>;

/** A program that answers each line of JSON with one. */
export class Conversation {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts a program in the project's folder, and waits for its first line. */
  static async start([program, ...args]: readonly [string, ...string[]]): Promise<Conversation> {
    const child = spawn(program, args, { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
    const conversation = new Conversation(child);
    await conversation.#next();
    return conversation;
  }

  /** @throws The program says that it has crashed, or has ended. */
  async ask(question: Answer): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(question)}\n`);
    return this.#next();
  }

  /** The program ends with its input. */
  async end(): Promise<void> {
    this.#child.stdin!.end();
    await once(this.#child, "exit");
  }

  async #next(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("The program has ended");
    const answer = JSON.parse(value) as Answer;
    if ("crash" in answer) throw new Error(String(answer["crash"]));
    return answer;
  }
}
