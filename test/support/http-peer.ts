import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { undated } from "./undated.ts";

/** A client for tests of plain HTTP: it sends what it is told, and keeps what comes as text. */
export class HttpPeer implements TransportHandler {
  readonly transport: Transport;
  /** What has come, as Latin-1. */
  text = "";
  /** "end", "closed". */
  readonly lines: string[] = [];
  #pending: Uint8Array[] = [];
  #isWriting = false;
  #waiting: { isSeen(): boolean; resolve(): void }[] = [];

  constructor(transport: Transport) {
    this.transport = transport;
    transport.handler = this;
  }

  /** Sends bytes, one write at a time; texts as UTF-8. */
  send(...parts: readonly (string | Uint8Array)[]): void {
    this.#pending.push(
      concat(parts.map((part) => (typeof part === "string" ? encodeUtf8(part) : part))),
    );
    this.#write();
  }

  /** Waits until what has come holds `part`. */
  async seen(part: string): Promise<void> {
    await this.#until(() => this.text.includes(part));
  }

  /** Waits for "end" or "closed". */
  async told(line: string): Promise<void> {
    await this.#until(() => this.lines.includes(line));
  }

  /** Takes the first answer out of what has come: its head's lines without the Date, "", and its body of `size` bytes. */
  async answer(size: number): Promise<string[]> {
    await this.seen("\r\n\r\n");
    const end = this.text.indexOf("\r\n\r\n") + 4;
    await this.#until(() => this.text.length >= end + size);
    const head = undated(this.text.slice(0, end - 4).split("\r\n"));
    const body = this.text.slice(end, end + size);
    this.text = this.text.slice(end + size);
    return [...head, "", body];
  }

  onData(chunk: Uint8Array): void {
    this.text += latin1(chunk, 0, chunk.length);
    this.#check();
  }

  onDrain(): void {
    this.#isWriting = false;
    this.#write();
  }

  onEnd(): void {
    this.lines.push("end");
    this.transport.end();
    this.#check();
  }

  onClose(): void {
    this.lines.push("closed");
    this.#check();
  }

  #until(isSeen: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isSeen, resolve });
      this.#check();
    });
  }

  #write(): void {
    while (!this.#isWriting) {
      const bytes = this.#pending.shift();
      if (bytes === undefined) return;
      this.#isWriting = !this.transport.write(bytes);
    }
  }

  #check(): void {
    this.#waiting = this.#waiting.filter((one) => {
      if (one.isSeen()) one.resolve();
      return !one.isSeen();
    });
  }
}
