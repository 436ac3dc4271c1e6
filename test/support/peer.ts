import { concat, encodeUtf8, latin1 } from "../../src/bytes.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import type { EndpointEvents } from "../../src/endpoint/endpoint-events.ts";
import type { ExtensionSession } from "../../src/extension/extension.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";

export const exampleKey = "dGhlIHNhbXBsZSBub25jZQ==";

/** The request of a plain client, with headers to add. */
export function upgradeRequest(headers: Record<string, string> = {}, target = "/"): Uint8Array {
  const lines = Object.entries({
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": exampleKey,
    ...headers,
  });
  return encodeUtf8(
    `GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
}

/**
 * A client for tests: it does the handshake on any transport and writes down what it sees.
 *
 * `lines` holds "open", "text ...", "binary n bytes", "ping ...", "pong ...", "close 1000 bye", "end", "closed".
 */
export class Peer implements TransportHandler, EndpointEvents {
  readonly lines: string[] = [];
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  /** The response's head. */
  response = "";
  #head: Uint8Array = new Uint8Array(0);
  #isOpen = false;
  #isWriting = false;
  #pending: Uint8Array[] = [];
  #waiting: { readonly line: string | RegExp; readonly resolve: () => void }[] = [];
  /** Whether the peer ends its stream when the server does, as a decent one would. */
  endsWithServer = true;

  /** @param extensions That the server has agreed to by now, or will. */
  constructor(transport: Transport, extensions: readonly ExtensionSession[] = []) {
    this.endpoint = new Endpoint("client", this, { extensions });
    this.transport = transport;
    transport.handler = this;
  }

  /** Sends bytes, one write at a time. */
  send(...parts: readonly Uint8Array[]): void {
    this.#pending.push(concat(parts));
    this.#write();
  }

  /** Sends what the endpoint has gathered. */
  flush(): void {
    const { output } = this.endpoint;
    for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
      this.#pending.push(bytes.slice());
      output.giveBack();
    }
    this.#write();
  }

  text(text: string): void {
    this.endpoint.sendText(text);
    this.flush();
  }

  binary(bytes: Uint8Array): void {
    this.endpoint.sendBinary(bytes);
    this.flush();
  }

  close(status: number, reason = ""): void {
    this.endpoint.close(status, reason);
    this.flush();
  }

  /** Waits for a line that is `line` or matches it, also one that has come already. */
  seen(line: string | RegExp): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ line, resolve });
      this.#check();
    });
  }

  onData(chunk: Uint8Array): void {
    if (this.#isOpen) {
      this.#receive(chunk);
      return;
    }
    this.#head = concat([this.#head, chunk]);
    const text = latin1(this.#head, 0, this.#head.length);
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.response = text.slice(0, end);
    this.#isOpen = this.response.startsWith("HTTP/1.1 101");
    this.#note(this.#isOpen ? "open" : `refused ${this.response.slice(9, 12)}`);
    if (this.#isOpen) this.#receive(this.#head.slice(end + 4));
  }

  onDrain(): void {
    this.#isWriting = false;
    this.#write();
  }

  onEnd(): void {
    this.#note("end");
    if (this.endsWithServer) this.transport.end();
  }

  onClose(): void {
    this.#note("closed");
  }

  onText(data: string): void {
    this.#note(`text ${data}`);
  }

  onBinary(_bytes: Uint8Array, start: number, end: number): void {
    this.#note(`binary ${end - start} bytes`);
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.#note(`ping ${latin1(bytes, start, end)}`);
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.#note(`pong ${latin1(bytes, start, end)}`);
  }

  /** No extension of a test's client takes its time. */
  onResume(): void {}

  onOutput(): void {}

  onFail(error: unknown): void {
    this.#note(`failed ${(error as Error).message}`);
  }

  #receive(chunk: Uint8Array): void {
    const wasClosed = this.endpoint.isClosed;
    this.endpoint.receive(chunk);
    this.flush();
    if (this.endpoint.isClosed && !wasClosed) {
      const { status, reason } = this.endpoint.closure;
      this.#note(`close ${status}${reason === "" ? "" : ` ${reason}`}`);
    }
  }

  #write(): void {
    while (!this.#isWriting) {
      const bytes = this.#pending.shift();
      if (bytes === undefined) return;
      this.#isWriting = !this.transport.write(bytes);
    }
  }

  #note(line: string): void {
    this.lines.push(line);
    this.#check();
  }

  #check(): void {
    this.#waiting = this.#waiting.filter(({ line, resolve }) => {
      const isSeen = this.lines.some((seen) =>
        typeof line === "string" ? seen === line : line.test(seen),
      );
      if (isSeen) resolve();
      return !isSeen;
    });
  }
}
