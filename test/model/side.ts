import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import type {
  WebSocketOpenInfo,
  WebSocketStream,
} from "../../src/connection/client/websocket-stream.ts";
import type { Closure } from "../../src/errors.ts";
import type { Receive, Who } from "./actions.ts";
import { latin1 } from "../../src/bytes.ts";
import type { Data } from "./content.ts";
import { type Journal, Mishap, type Receipt } from "./journal.ts";
import { Keeping } from "./keeping.ts";
import { read, type Reader } from "./reading.ts";
import { freely, Sending, type Surroundings, topic } from "./sending.ts";
import type { Behaviour, HandlerName, Reading, SideSetup } from "./setup.ts";

/** One side of a connection as a user has it: its handlers, what came, and what it was told of its end. */

/** Handlers whose failure fails the connection. */
const fatal: readonly HandlerName[] = ["open", "message", "ping", "pong", "drain"];

/** Messages that a side answers by itself, at the most. */
const mostReplies = 3;

export class Side implements Reader {
  readonly who: Who;
  readonly setup: SideSetup;
  readonly journal: Journal;
  readonly sending: Sending;
  ws: Connection | undefined;
  readonly receipts: Receipt[] = [];
  readonly pingsSeen: string[] = [];
  readonly pongsSeen: string[] = [];
  /** Those that nobody has asked for. */
  readonly freePongsSeen: string[] = [];
  readonly keeping: Keeping;
  /** How it was told of its end. */
  readonly closures: Closure[] = [];
  readonly errors: unknown[] = [];
  closed: Closure | undefined;
  /** When it ended the connection itself, in order or not; undefined where it did not. */
  ownEnd: { readonly at: number; readonly how: string } | undefined;
  /** Whether it has ended it, be it after the other one: what waits for its handlers then is not wanted any more. */
  hasCutShort = false;
  /** Whether it has dropped the connection: what had come and was not delivered is lost then. */
  hasTerminated = false;
  /** Which handler has failed while the connection was open. */
  failure: string | undefined;
  /** Whether its network is gone without a word, so that it never hears of anything. */
  hasVanished = false;
  /** Handlers that are under way and will not be done before the end. */
  stuck = 0;
  readonly #around: Surroundings;
  readonly #calls = new Map<string, number>();
  #gates: (() => void)[] = [];
  #areGatesOpen = false;
  #replies = 0;
  #stream: WebSocketStream | undefined;
  #reader: ReadableStreamDefaultReader<Data> | undefined;
  #pendingRead: Receipt | undefined;
  /** Handlers for messages that are under way, or `open` before any of them. */
  readonly #underWay = new Set<{ readonly name: string }>();
  #steps: AsyncIterator<Data, undefined> | undefined;

  constructor(who: Who, setup: SideSetup, around: Surroundings) {
    this.who = who;
    this.setup = setup;
    this.journal = around.journal;
    this.keeping = new Keeping(setup, (what) => {
      this.#found(what);
    });
    this.sending = new Sending(who === "client" ? "c" : "s", around);
    this.#around = around;
  }

  /** Whether messages come to nobody for now: a handler waits for what does not come. */
  get isStuck(): boolean {
    return this.stuck > 0;
  }

  /** Whether a handler for messages is under way. */
  get isHandling(): boolean {
    return this.#underWay.size > 0;
  }

  get isOpen(): boolean {
    return this.ws?.state === "open";
  }

  /** What the connection is given. Each notes that it was called, and then does what the setup says. */
  handlers(): Handlers {
    const { takes } = this.setup;
    const payload = (bytes: Uint8Array): string => latin1(bytes, 0, bytes.length);
    return {
      open: (ws) => {
        this.#begin(ws);
        return this.#exclusive("open", () => this.#act("open"));
      },
      ...(takes === "message" && {
        message: (_, handed, text) =>
          this.#exclusive("message", () => {
            const at = this.journal.stamp();
            const data = this.keeping.handed(handed, text);
            this.receipts.push({ at, state: "whole", text, data });
            return this.#act("message");
          }),
      }),
      ...(takes === "stream" && {
        stream: (_, message) =>
          this.#exclusive("stream", () => {
            const receipt = this.#newReceipt();
            const how = this.#next("stream", this.setup.reads);
            return this.#watch("stream", () => read(this, message, how, receipt));
          }),
      }),
      ping: (ws, bytes) => {
        this.#enter("ping");
        const text = payload(bytes);
        if (this.setup.pongs === "handler") {
          this.journal.track(`${this.who}: pong for ${text}`, ws.pong(bytes));
        }
        if (!isKeepAlive(text)) this.pingsSeen.push(text);
        return this.#act("ping");
      },
      pong: (_, bytes) => {
        this.#enter("pong");
        const text = payload(bytes);
        if (text.startsWith(freely, 1)) this.freePongsSeen.push(text);
        else if (!isKeepAlive(text)) this.pongsSeen.push(text);
        return this.#act("pong");
      },
      drain: () => {
        this.#enter("drain");
        return this.#act("drain");
      },
      error: (_, error) => {
        this.#enter("error");
        this.errors.push(error);
        if (this.errors.length > 1) this.#found(`error is called ${this.errors.length} times`);
        return this.#act("error");
      },
      close: (_, closure) => {
        this.#enter("close");
        this.closures.push(closure);
        return this.#act("close");
      },
    };
  }

  /** Ends the connection by this side's own wish. */
  end(how: string, act: (ws: Connection) => void): void {
    const { ws } = this;
    if (ws === undefined) return;
    this.hasCutShort = true;
    if (ws.state === "open") this.ownEnd ??= { at: this.journal.stamp(), how };
    act(ws);
  }

  /** Uses a connection by its streams from now on. */
  useStreams(stream: WebSocketStream, { readable, writable }: WebSocketOpenInfo): void {
    this.#stream = stream;
    this.#reader = (readable as ReadableStream<Data>).getReader();
    this.sending.writer = (writable as WritableStream<Data>).getWriter();
    this.journal.track("closed of the WebSocketStream", stream.closed, true);
  }

  close(status = 1000): void {
    this.end("close()", (ws) => {
      const { writer } = this.sending;
      if (writer !== undefined) {
        // To close what is written to closes the connection, too.
        if (status === 1001) this.sending.closeWriter(writer);
        else this.#stream?.close(status === 1005 ? {} : { closeCode: status });
        return;
      }
      this.journal.track(`${this.who}: close()`, ws.close(status));
    });
  }

  terminate(): void {
    this.hasTerminated = true;
    this.end("terminate()", (ws) => {
      ws.terminate();
    });
  }

  /** Asks for messages, where they are asked for. */
  receive({ how, count, abortAfter }: Pick<Receive, "how" | "count" | "abortAfter">): void {
    if (this.setup.takes !== "pull" || this.ws === undefined) return;
    for (let i = 0; i < count; i++) {
      const aborter = new AbortController();
      if (abortAfter > 0) {
        void this.#around.after(abortAfter).then(() => {
          aborter.abort(new Mishap("given up"));
        });
      }
      this.receiveOne(how, aborter.signal);
    }
  }

  receiveOne(how: Receive["how"], signal: AbortSignal): Receipt {
    const ws = this.ws!;
    if (this.#reader !== undefined) return this.#read(this.#reader);
    const receipt = this.#newReceipt();
    const what = `${this.who}: ${how} of stamp ${receipt.at}`;
    if (how === "receiveStream") {
      const asked = ws.receiveStream({ signal });
      const done = asked.then((message) => {
        // Nobody but whoever asks can drop it.
        const reading = this.#next("receiveStream", this.setup.reads);
        return read(this, message, pulled(reading), receipt);
      });
      this.journal.track(what, done);
    } else if (how === "receive") {
      const done = ws.receive({ signal }).then((data) => {
        this.#filled(receipt, data);
      });
      this.journal.track(what, done);
    } else {
      this.#steps ??= ws[Symbol.asyncIterator]();
      this.journal.track(what, this.#step(this.#steps, receipt));
    }
    return receipt;
  }

  /** Reads from the streams, one message after the other. */
  #read(reader: ReadableStreamDefaultReader<Data>): Receipt {
    const pending = this.#pendingRead;
    if (pending?.state === "asked") return pending;
    const receipt = this.#newReceipt();
    this.#pendingRead = receipt;
    const done = reader.read().then((step) => {
      if (!step.done) this.#filled(receipt, step.value);
    });
    this.journal.track(`${this.who}: read of stamp ${receipt.at}`, done, true);
    return receipt;
  }

  gate(): Promise<void> {
    if (this.#areGatesOpen) return Promise.resolve();
    return new Promise((resolve) => this.#gates.push(resolve));
  }

  /** Lets the handler go on that has waited longest. */
  release(): void {
    this.#gates.shift()?.();
  }

  /** Lets all go on, from now on. */
  releaseAll(): void {
    this.#areGatesOpen = true;
    for (const open of this.#gates.splice(0)) open();
  }

  never(): Promise<never> {
    this.stuck++;
    return new Promise(() => {});
  }

  after(turns: number): Promise<void> {
    return this.#around.after(turns);
  }

  #found(what: string): void {
    this.journal.found(`${this.who}: ${what}`);
  }

  #newReceipt(): Receipt {
    const receipt: Receipt = { at: this.journal.stamp(), state: "asked", text: false, data: "" };
    this.receipts.push(receipt);
    return receipt;
  }

  #filled(receipt: Receipt, data: Data): void {
    const { ownEnd } = this;
    if (ownEnd !== undefined && !this.#mayHearAfter(ownEnd.how) && receipt.at > ownEnd.at) {
      this.#found(`a message is given to one who asks after its own ${ownEnd.how}`);
    }
    this.journal.stamp();
    receipt.state = "whole";
    receipt.text = typeof data === "string";
    receipt.data = this.keeping.asked(data);
  }

  async #step(steps: AsyncIterator<Data, undefined>, receipt: Receipt): Promise<boolean> {
    const { done, value } = await steps.next();
    if (done === true) return false;
    this.#filled(receipt, value);
    return true;
  }

  #begin(ws: Connection): void {
    this.#enter("open");
    if (this.ws !== undefined) this.#found("open is called twice");
    this.ws = ws;
    if (this.who === "server") void ws.subscribe(topic);
    void ws.closed.then((closure) => {
      this.journal.stamp();
      this.closed = closure;
    });
  }

  /** Notes a call. */
  #enter(name: string): void {
    this.journal.stamp();
    if (this.closures.length > 0) this.#found(`${name} is called after close`);
  }

  /** A call that must not begin while another one of its kind is under way. */
  #exclusive(name: string, call: () => unknown): unknown {
    this.#enter(name);
    const [other] = this.#underWay;
    // A promise that is fulfilled when it is returned is as good as none; that is known a moment later.
    queueMicrotask(() => {
      if (other === undefined || !this.#underWay.has(other)) return;
      this.#found(`${name} is called while ${other.name} is under way`);
    });
    const { ownEnd } = this;
    // A server that is shut down may let what has come before go to its handlers.
    if (name !== "open" && ownEnd !== undefined && !this.#mayHearAfter(ownEnd.how)) {
      this.#found(`${name} is called after its own ${ownEnd.how}`);
    }
    const result = call();
    if (!isThenable(result) || (name === "open" && this.setup.takes === "pull")) return result;
    const own = { name };
    this.#underWay.add(own);
    const done = (): void => {
      this.#underWay.delete(own);
    };
    // One whose `then` throws is done when it has thrown.
    try {
      result.then(done, done);
    } catch {
      done();
    }
    return result;
  }

  /** Whether messages may come after an end of one's own: where that is wanted, or handlers are waited for. */
  #mayHearAfter(how: string): boolean {
    return how === "shutdown()" || (how === "close()" && this.setup.deliverAfterClose);
  }

  /** What the setup says next of a handler. */
  #next<Value>(name: string, values: readonly Value[]): Value {
    const call = this.#calls.get(name) ?? 0;
    this.#calls.set(name, call + 1);
    return values[call % values.length]!;
  }

  #act(name: HandlerName): unknown {
    return this.#watch(name, () => this.#behave(name, this.#next(name, this.setup.does[name])));
  }

  /** Calls what a handler is made of, and notes where that fails while the connection is open. */
  #watch(name: HandlerName | "stream", call: () => unknown): unknown {
    const failed = (): void => {
      this.journal.stamp();
      if (this.isOpen && (name === "stream" || fatal.includes(name))) this.failure ??= name;
    };
    try {
      const result = call();
      if (result instanceof Promise) {
        result.then(() => this.journal.stamp(), failed);
      }
      return result;
    } catch (error) {
      failed();
      throw error;
    }
  }

  #behave(name: HandlerName, how: Behaviour): unknown {
    switch (how) {
      case "sync":
        return undefined;
      case "soon":
        return Promise.resolve();
      case "later":
        return this.after(3);
      case "gate":
        return this.gate();
      case "throw":
        throw new Mishap(`${name} throws`);
      case "reject":
        return Promise.reject(new Mishap(`${name} rejects`));
      case "rejectLater":
        return this.after(2).then(() => {
          throw new Mishap(`${name} rejects later`);
        });
      case "thenable":
        return { then: (done: () => void) => void this.after(1).then(done) };
      case "badThenable":
        if (this.isOpen && fatal.includes(name)) this.failure ??= name;
        return {
          then() {
            throw new Mishap(`then of ${name} throws`);
          },
        };
      case "never":
        return this.never();
      case "closed":
        this.stuck++;
        return this.ws!.closed.then(() => void this.stuck--);
      case "reply":
        return this.#reply();
      case "close":
        this.close();
        return this.ws!.closed;
      case "terminate":
        this.terminate();
        return undefined;
      default:
        return name === "open" && this.setup.takes === "pull" ? this.#loop(how) : undefined;
    }
  }

  #reply(): Promise<unknown> | undefined {
    const { ws } = this;
    if (ws === undefined || this.#replies === mostReplies) return undefined;
    this.#replies++;
    const how = { compress: true, way: "plain", told: false, asBytes: false } as const;
    const shape = { size: 20, text: true, noise: false, ...how } as const;
    return this.sending.send(ws, shape)[0]?.promise;
  }

  /** What `for await` does, with a note of each step. */
  async #loop(how: Behaviour): Promise<void> {
    const steps = this.ws![Symbol.asyncIterator]();
    while (await this.#step(steps, this.#newReceipt())) {
      if (how === "loop") continue;
      await steps.return?.();
      if (how === "loopLeave") return;
      throw new Mishap("open throws inside its loop");
    }
  }
}

/** Nobody can be told that a message which was asked for is not wanted, but by breaking out of it. */
function pulled(reading: Reading): Reading {
  const left: readonly Reading[] = [
    "none",
    "noneLater",
    "keep",
    "gate",
    "throw",
    "throwLater",
    "never",
  ];
  return left.includes(reading) ? "all" : reading;
}

/** Pings that keep the connection alive are the library's own. */
function isKeepAlive(payload: string): boolean {
  return payload.startsWith("fw");
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}
