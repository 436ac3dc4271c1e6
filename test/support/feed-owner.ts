import { encodeUtf8, latin1 } from "../../src/bytes.ts";
import { Deadlines } from "../../src/clock.ts";
import { encodeEnvelope } from "../../src/connection/backplane/envelope.ts";
import { type Histories, histories, type Stamp } from "../../src/connection/backplane/histories.ts";
import type { HistoryPage, Position } from "../../src/connection/backplane/history.ts";
import { HistoryLog } from "../../src/connection/backplane/log.ts";
import { OpText } from "../../src/frame/opcode.ts";
import { FakeClock } from "./fake-clock.ts";
import { Receiver } from "./receiver.ts";

/** The ids of this server and of another one. */
export const us = "u".repeat(16);
export const them = "t".repeat(16);

/** One topic, "t", its history in memory, and a server that reads it; each answer of the broker can be held back. */
export class FeedStage {
  readonly clock: FakeClock = new FakeClock();
  log: HistoryLog = new HistoryLog("one", 1000, Infinity);
  /** The subscribers here. */
  readonly receivers: Set<Receiver> = new Set();
  /** What was told: "gap t", "delivered", "duplicate", "dropped", "stamp". */
  readonly lines: string[] = [];
  /** What was read: the offset behind which, and "head" for none. */
  readonly reads: string[] = [];
  /** Whether the broker knows of the topic. */
  isHeld: boolean | Promise<boolean> = true;
  /** What comes in front of an answer. */
  onRead: () => unknown = () => undefined;
  onPage = (page: HistoryPage): HistoryPage => page;
  readonly histories: Histories;
  #sequence = 0;

  constructor(stamp?: Stamp) {
    this.histories = histories({
      deadlines: new Deadlines(this.clock),
      timeout: 1000,
      node: us,
      stamp,
      receivers: () => [...this.receivers],
      isSubscribed: (receiver) => this.receivers.has(receiver as Receiver),
      held: async () => this.isHeld,
      history: async (_topic, since) => {
        this.reads.push(since?.offset ?? "head");
        const page = this.log.read(since);
        await this.onRead();
        return this.onPage(page);
      },
      gap: (topic) => void this.lines.push(`gap ${topic}`),
      delivered: () => void this.lines.push("delivered"),
      duplicate: () => void this.lines.push("duplicate"),
      dropped: (fault) => void this.lines.push(`dropped ${fault}`),
      stampFailed: (error) => void this.lines.push(`stamp ${(error as Error).message}`),
    });
  }

  /** A subscriber, which the topic is wanted for. */
  async subscriber(): Promise<Receiver> {
    const receiver = new Receiver();
    this.receivers.add(receiver);
    await this.histories.want("t", Promise.resolve(true));
    return receiver;
  }

  /** An envelope, as a server writes it. */
  envelope(text: string, node: string = them, sequence: number = ++this.#sequence): Uint8Array {
    const payload = encodeUtf8(text);
    return encodeEnvelope({ node, series: 0, sequence, opcode: OpText, compress: true, payload });
  }

  /** Publishes, and gives what brings the messages here, one call for each. */
  publish(...texts: string[]): (() => void)[] {
    return texts.map((text) => this.add(this.envelope(text)));
  }

  /** Keeps an envelope, and gives what brings it here. */
  add(envelope: Uint8Array): () => void {
    const { offset } = this.log.position;
    const position = this.log.add(envelope);
    return () => {
      this.histories.deliver("t", envelope, position, offset);
    };
  }

  /** Publishes, and brings it here. */
  send(...texts: string[]): void {
    for (const bring of this.publish(...texts)) bring();
  }

  at(offset: number | string): Position {
    return { epoch: "one", offset: String(offset) };
  }
}

/** What a message's bytes say. */
export function textOf(bytes: Uint8Array): string {
  return latin1(bytes, 0, bytes.length);
}
