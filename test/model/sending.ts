import type { Connection } from "../../src/connection/connection.ts";
import { prepareMessage, type SendOptions } from "../../src/connection/send/prepare.ts";
import type { MessageWriter } from "../../src/connection/send/message-writer.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { ClosedError, LimitError } from "../../src/errors.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { Begin, Send, SendStream, Write } from "./actions.ts";
import { contentOf, type Data, joined } from "./content.ts";
import { type Entry, type Journal, Mishap, type Tracked } from "./journal.ts";
import { Told } from "./told.ts";

/** What one side sends, and what the model keeps of it. */

/** The topic to which the server's end of each connection is subscribed. */
export const topic = "all";

/** What the payload of a pong begins with that nobody has asked for, behind the letter of its sender. */
export const freely = "free";

/** A message in pieces that is not complete. */
interface OpenWriter {
  readonly writer: MessageWriter;
  readonly label: string;
  readonly text: boolean;
  readonly pieces: Data[];
  entry: Entry | undefined;
}

/** What a side's sending needs of the world around it. */
export interface Surroundings {
  readonly journal: Journal;
  readonly oneAtATime: boolean;
  /** Resolves some turns of the event loop later. */
  after(turns: number): Promise<void>;
}

export class Sending {
  readonly entries: Entry[] = [];
  /** Promises of what was sent when the connection was no longer open: they must reject. */
  readonly late: Tracked[] = [];
  /** Where messages go, where they do not go to the connection itself. */
  writer: WritableStreamDefaultWriter<Data> | undefined;
  /** Payloads, in order. */
  pings: readonly string[] = [];
  /** Payloads of pongs that nobody has asked for, in order. */
  pongs: readonly string[] = [];
  readonly told: Told;
  readonly #prefix: string;
  readonly #around: Surroundings;
  #writers: OpenWriter[] = [];
  /** Streams and writers that are not done. */
  #inPieces = 0;
  #isWriterClosed = false;
  #count = 0;

  constructor(prefix: string, around: Surroundings) {
    this.#prefix = prefix;
    this.told = new Told(around.journal);
    this.#around = around;
  }

  /** Whether there is a writer that is not closed. */
  get hasOpenWriter(): boolean {
    return this.#writers.length > 0;
  }

  send(ws: Connection, action: Omit<Send, "do" | "by" | "awaited">, server?: Server): Tracked[] {
    // Node's streams take a write behind a close for a fault of their own.
    if (this.#isWriterClosed) return [];
    const { journal } = this.#around;
    const { text, compress, way } = action;
    const label = this.#newLabel();
    const data = contentOf({ label, ...action });
    // Who has left a topic gets nothing that is published to it.
    const isWanted = server === undefined || way !== "publish" || ws.topics.includes(topic);
    const isOpen = ws.state === "open" && isWanted;
    const entry = isOpen ? this.#place(label, text, data) : undefined;
    if (entry !== undefined) entry.completedAt = entry.placedFrom;
    const { writer } = this;
    const { dropped } = ws.counters;
    const question = way === "plain" && action.told ? this.told.ask(label, entry) : undefined;
    const promise =
      writer?.write(data) ??
      this.#sendBy(ws, action, data, { compress, sent: question?.sent }, server);
    question?.after();
    // Of one that goes to many, nobody is told that it did not fit here.
    if (entry !== undefined && ws.counters.dropped > dropped) entry.isVoid = true;
    const tracked = journal.track(`${label}: ${way} send`, promise, writer !== undefined);
    if (entry !== undefined) this.#watch(promise, entry);
    else if (way === "plain" && writer === undefined) this.late.push(tracked);
    const { bufferedAmount } = ws;
    if (!(bufferedAmount >= 0)) journal.found(`bufferedAmount is ${bufferedAmount}`);
    return [tracked];
  }

  /** Closes what is written to, and with it the connection. */
  closeWriter(writer: WritableStreamDefaultWriter<Data>): void {
    if (this.#isWriterClosed) return;
    this.#isWriterClosed = true;
    this.#around.journal.track("close of the writable", writer.close(), true);
  }

  begin(ws: Connection, { text, compress }: Pick<Begin, "text" | "compress">): void {
    if (ws.state !== "open" || !this.#mayBegin()) return;
    const label = this.#newLabel();
    this.#inPieces++;
    const writer = ws.beginMessage({ binary: !text, compress });
    this.#writers.push({ writer, label, text, pieces: [], entry: undefined });
  }

  write({ writer: number, size, noise }: Pick<Write, "writer" | "size" | "noise">): Tracked[] {
    const open = this.#writerAt(number);
    if (open === undefined) return [];
    const { writer, text, pieces } = open;
    const label = `${open.label}.${pieces.length}`;
    // An empty piece tells nothing, and so takes no place.
    const least = open.entry === undefined ? 1 : 0;
    const piece = contentOf({ label, size: Math.max(least, size), text, noise });
    open.entry ??= this.#place(open.label, text, piece);
    const { entry } = open;
    pieces.push(copyOf(piece));
    entry.data = joined(pieces, text);
    const promise = writer.write(piece);
    spoil(piece);
    this.#watch(promise, entry);
    return [this.#around.journal.track(`${label}: write`, promise)];
  }

  finish(number: number): Tracked[] {
    const open = this.#writerAt(number);
    if (open === undefined) return [];
    this.#writers.splice(this.#writers.indexOf(open), 1);
    const { writer, label, text } = open;
    const entry = (open.entry ??= this.#place(label, text, joined([], text)));
    entry.completedAt = this.#around.journal.stamp();
    const promise = writer.close();
    this.#watch(promise, entry);
    this.#ends(promise);
    return [this.#around.journal.track(`${label}: close of the writer`, promise)];
  }

  abort(number: number): void {
    const open = this.#writerAt(number);
    if (open === undefined) return;
    this.#writers.splice(this.#writers.indexOf(open), 1);
    if (open.entry !== undefined) open.entry.isVoid = true;
    this.#inPieces--;
    open.writer.abort(new Mishap(`${open.label} is aborted`));
  }

  sendStream(ws: Connection, action: Omit<SendStream, "do" | "by" | "awaited">): Tracked[] {
    if (!this.#mayBegin()) return [];
    const { text, compress } = action;
    this.#inPieces++;
    const label = this.#newLabel();
    const source = this.#source(label, action);
    const promise = ws.sendStream(source.pieces, { binary: !text, compress });
    promise.then(undefined, (error: unknown) => {
      // What ended before its first piece was sent has no place.
      if (source.entry !== undefined) this.#refuse(source.entry, error);
    });
    this.#ends(promise);
    return [this.#around.journal.track(`${label}: sendStream`, promise)];
  }

  pong(ws: Connection): Tracked {
    const payload = `${this.#prefix}${freely}${this.#count++}`;
    const isOpen = ws.state === "open";
    const promise = ws.pong(payload);
    const tracked = this.#around.journal.track(payload, promise);
    if (!isOpen) this.late.push(tracked);
    else this.pongs = [...this.pongs, payload];
    promise.then(undefined, (error: unknown) => {
      if (error instanceof LimitError) this.pongs = this.pongs.filter((other) => other !== payload);
    });
    return tracked;
  }

  ping(ws: Connection): Tracked {
    const payload = `${this.#prefix}ping${this.#count++}`;
    const isOpen = ws.state === "open";
    const promise = ws.ping(payload);
    const tracked = this.#around.journal.track(payload, promise);
    if (!isOpen) this.late.push(tracked);
    else this.pings = [...this.pings, payload];
    promise.then(undefined, (error: unknown) => {
      // It was too much: it is not sent.
      if (error instanceof LimitError) this.pings = this.pings.filter((other) => other !== payload);
    });
    return tracked;
  }

  /** A source that notes when it gives its pieces, and throws at the end where it is told to. */
  #source(
    label: string,
    { text, pieces, pace, fails }: Pick<SendStream, "text" | "pieces" | "pace" | "fails">,
  ): { readonly pieces: AsyncGenerator<Data>; readonly entry: Entry | undefined } {
    const given: Data[] = [];
    const around = this.#around;
    const place = (data: Data): Entry => {
      const entry = this.#place(label, text, data);
      entry.placedTo = Infinity;
      void around.after(1).then(() => this.#settlePlace(entry));
      return entry;
    };
    let entry: Entry | undefined;
    async function* generate(): AsyncGenerator<Data> {
      for (const [index, { size, noise }] of pieces.entries()) {
        if (pace > 0) await around.after(pace);
        const content = { label: `${label}.${index}`, size: Math.max(1, size), text, noise };
        const piece = contentOf(content);
        given.push(copyOf(piece));
        entry ??= place(piece);
        entry.data = joined(given, text);
        yield piece;
        spoil(piece);
      }
      if (fails) {
        if (entry !== undefined) entry.isVoid = true;
        throw new Mishap(`the source of ${label} fails`);
      }
      const ended = (entry ??= place(joined([], text)));
      // It is complete when the library has asked, and heard that there is no more: a moment later.
      void around.after(1).then(() => (ended.completedAt = around.journal.stamp()));
    }
    return {
      pieces: generate(),
      get entry() {
        return entry;
      },
    };
  }

  #mayBegin(): boolean {
    if (this.writer !== undefined) return false;
    return !this.#around.oneAtATime || this.#inPieces === 0;
  }

  #ends(promise: Promise<unknown>): void {
    const ended = (): void => void this.#inPieces--;
    promise.then(ended, ended);
  }

  #settlePlace(entry: Entry): void {
    if (entry.placedTo === Infinity) entry.placedTo = this.#around.journal.stamp();
  }

  #sendBy(
    ws: Connection,
    { way, asBytes }: Pick<Send, "way" | "asBytes">,
    data: Data,
    options: SendOptions,
    server: Server | undefined,
  ): Promise<unknown> {
    const { compress } = options;
    const isTextAsBytes = asBytes && typeof data === "string";
    const own = isTextAsBytes ? encodeUtf8(data) : copyOf(data);
    const text = isTextAsBytes ? true : undefined;
    if (way === "prepared") {
      const message = prepareMessage(own, { compress, text });
      spoil(own);
      return ws.send(message);
    }
    if (server !== undefined && way === "broadcast") {
      server.broadcast(data);
      return Promise.resolve();
    }
    if (server !== undefined && way === "publish") return server.publish(topic, data).carried;
    const promise = ws.send(own, { ...options, text });
    spoil(own);
    return promise;
  }

  #newLabel(): string {
    return `${this.#prefix}${++this.#count}`;
  }

  #place(label: string, text: boolean, data: Data): Entry {
    const at = this.#around.journal.stamp();
    const entry: Entry = {
      label,
      text,
      data,
      placedFrom: at,
      placedTo: at,
      completedAt: Infinity,
      isVoid: false,
      isRefused: false,
    };
    this.entries.push(entry);
    return entry;
  }

  #watch(promise: Promise<unknown>, entry: Entry): void {
    promise.then(undefined, (error: unknown) => {
      this.#refuse(entry, error);
    });
  }

  #refuse(entry: Entry, error: unknown): void {
    if (error instanceof LimitError) entry.isVoid = true;
    if (error instanceof ClosedError || this.writer !== undefined) entry.isRefused = true;
  }

  #writerAt(number: number): OpenWriter | undefined {
    return this.#writers[number % this.#writers.length];
  }
}

function copyOf(data: Data): Data {
  return typeof data === "string" ? data : data.slice();
}

/** What was sent is the caller's again, who may write into it. */
function spoil(data: Data): void {
  if (typeof data !== "string") data.fill(0xee);
}
