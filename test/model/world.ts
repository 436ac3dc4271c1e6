import type { Connection } from "../../src/connection/connection.ts";
import { WebSocketStream } from "../../src/connection/client/websocket-stream.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { Who } from "./actions.ts";
import { adopted } from "./adopted.ts";
import { Journal, Mishap } from "./journal.ts";
import type { Net } from "./net.ts";
import { RawPeer } from "./raw-peer.ts";
import type { Surroundings } from "./sending.ts";
import { closeTimeout, longCloseTimeout, type Setup } from "./setup.ts";
import { Side } from "./side.ts";

/** A server, a client, one connection, and time that goes on only when it is told to. */

/** Turns after which something goes on for ever. */
const mostTurns = 50_000;

/** Milliseconds of a step in time: how exact the library's deadlines are. */
const step = 100;

export class World implements Surroundings {
  readonly journal = new Journal();
  readonly clock = new FakeClock();
  readonly net: Net;
  readonly setup: Setup;
  readonly client: Side;
  readonly server: Side;
  /** What the server's side is an end of. */
  listener!: Server;
  /** The client, where that speaks frames by itself. */
  raw: RawPeer | undefined;
  /** Whether the connection has come about: a network that breaks early may prevent that. */
  isConnected = false;
  /** Why a question for messages is taken back. */
  readonly notNow = new Mishap("nothing is left");
  #delays: { left: number; readonly done: () => void }[] = [];

  constructor(setup: Setup, net: Net) {
    this.setup = setup;
    this.net = net;
    // Whoever has streams has no handler for messages.
    const isStreams = setup.peer === "streams";
    const ofClient = isStreams ? { ...setup.client, takes: "pull" as const } : setup.client;
    this.client = new Side("client", ofClient, this);
    this.server = new Side("server", setup.server, this);
  }

  /** Whether it is open on both sides. */
  get isOpen(): boolean {
    return this.server.isOpen && (this.raw === undefined ? this.client.isOpen : this.raw.isOpen);
  }

  get oneAtATime(): boolean {
    return this.setup.oneAtATime;
  }

  get sides(): readonly Side[] {
    return [this.client, this.server];
  }

  sideOf(who: Who): Side {
    return who === "client" ? this.client : this.server;
  }

  /** Listens, and connects. */
  async open(): Promise<void> {
    const { client, server, net } = this;
    const { slowReceivers, maxTotalBufferedAmount } = this.setup;
    this.listener = await net.serve(
      { ...this.#optionsOf(server), clock: this.clock, slowReceivers, maxTotalBufferedAmount },
      server.handlers(),
    );
    if (this.setup.peer === "raw" || this.setup.peer === "rude") {
      this.raw = new RawPeer(client, await net.connectRaw!(), this.setup.peer === "raw");
      await this.settle(() => server.ws !== undefined && this.raw?.isOpen === true);
      this.isConnected = server.ws !== undefined;
      return;
    }
    let isSettled = false;
    this.#connect().then(
      () => {
        isSettled = true;
        this.isConnected = true;
      },
      () => (isSettled = true),
    );
    await this.settle(() => isSettled && (!this.isConnected || server.ws !== undefined));
    if (!isSettled) this.journal.found("connect() does not settle");
  }

  async #connect(): Promise<void> {
    const { client, net } = this;
    if (this.setup.peer === "adopted") {
      const transport = await net.connectRaw!();
      const { clock } = this;
      const { compression } = this.setup;
      await adopted(transport, compression, { options: this.#optionsOf(client), clock }, client);
      return;
    }
    const connect = (): Promise<Connection> =>
      net.connect({ ...this.#optionsOf(client), clock: this.clock }, client.handlers());
    if (this.setup.peer !== "streams") {
      await connect();
      return;
    }
    const stream = new WebSocketStream("ws://memory/", connect);
    client.useStreams(stream, await stream.opened);
  }

  after(turns: number): Promise<void> {
    return new Promise((done) => this.#delays.push({ left: turns, done }));
  }

  /** Lets the event loop turn once. */
  async turn(): Promise<void> {
    await this.net.turn();
    for (const delay of this.#delays) delay.left--;
    const due = this.#delays.filter(({ left }) => left <= 0);
    this.#delays = this.#delays.filter(({ left }) => left > 0);
    for (const { done } of due) done();
  }

  /** Lets everything happen that will by itself, or until something has. */
  async settle(until: () => boolean = () => false): Promise<void> {
    let idle = 0;
    let seen = -1;
    for (let turns = 0; !until() && idle < this.net.patience; turns++) {
      if (turns === mostTurns) {
        this.journal.found("It does not come to rest");
        return;
      }
      await this.turn();
      const now = this.journal.now + this.net.activity;
      idle = now === seen && this.#delays.length === 0 ? idle + 1 : 0;
      seen = now;
    }
  }

  /** Lets time go by, and what it brings about happen. */
  async advance(milliseconds: number): Promise<void> {
    // A long time goes by in longer steps: nobody does anything in it but wait.
    const each = milliseconds > 10_000 ? 20 * step : step;
    for (let left = milliseconds; left > 0; left -= each) {
      this.clock.advance(Math.min(each, left));
      for (let turns = 0; turns < 3; turns++) await this.turn();
    }
    await this.settle();
  }

  #optionsOf(side: Side): ConnectionOptions {
    const { highWaterMark, receiveHighWaterMark, maxBufferedAmount, overflow } = side.setup;
    const { textAs, pongs, deliverAfterClose } = side.setup;
    const { compression, times, patient } = this.setup;
    return {
      textAs,
      autoPong: pongs === "library",
      deliverAfterClose,
      ...side.keeping.options,
      closeTimeout: patient === side.who ? longCloseTimeout : closeTimeout,
      compression: compression && {},
      maxMessageSize: 0,
      highWaterMark,
      receiveHighWaterMark,
      maxBufferedAmount,
      overflow,
      ...times,
    };
  }
}
