import fc from "fast-check";
import {
  type Action,
  actionArbitraries,
  type ActionName,
  type Sizes,
  type Who,
} from "./actions.ts";

/*
 * What a connection is like before anything is done on it: its network, its options, and what its handlers do each time
 * that they are called. A profile says what is generated, and how often.
 */

/** What a handler does: how it returns, and what it does before. */
export type Behaviour =
  /** Returns nothing. */
  | "sync"
  /** Is done in a microtask, or a few turns later. */
  | "soon"
  | "later"
  /** Is done when the action "release" says so, or when all actions are done. */
  | "gate"
  | "throw"
  | "reject"
  | "rejectLater"
  /** Returns something that is not a promise and has a `then`; one whose `then` throws. */
  | "thenable"
  | "badThenable"
  | "never"
  /** Awaits the end of its own connection. */
  | "closed"
  /** Awaits a message that it sends; closes, and awaits that; drops the connection. */
  | "reply"
  | "close"
  | "terminate"
  /** Of `open` where messages are pulled: loops over them, all, or leaves or throws after the first. */
  | "loop"
  | "loopLeave"
  | "loopThrow";

/** How a message in pieces is read. */
export type Reading =
  | "all"
  /** A turn between pieces. */
  | "slow"
  /** By text() or bytes(); by its `readable`. */
  | "gather"
  | "readable"
  /** Asks for three pieces at a time. */
  | "several"
  /** Breaks out after the first piece, at once or later. */
  | "one"
  | "oneLater"
  /** Returns without reading, at once or later. */
  | "none"
  | "noneLater"
  /** Returns at once, and reads all the same. */
  | "keep"
  /** Waits as "gate" does, then reads all. */
  | "gate"
  | "throw"
  | "throwAfterOne"
  | "throwLater"
  | "never";

export type HandlerName = "open" | "message" | "ping" | "pong" | "drain" | "error" | "close";

/** How the handler `message` gets bytes: as its own copy, valid for the call alone, or made by the option `newBytes`. */
export type BytesKept = "own" | "borrowed" | "made";

/** Who answers pings: the library, the handler `ping`, or nobody. */
export type Answering = "library" | "handler" | "nobody";

/** Who takes messages: the handler `message`, the handler `stream`, or whoever asks for them. */
export type Taking = "message" | "stream" | "pull";

export interface SideSetup {
  readonly takes: Taking;
  /** What each handler does, call by call, and then from the first one on again. */
  readonly does: Readonly<Record<HandlerName, readonly Behaviour[]>>;
  readonly reads: readonly Reading[];
  readonly highWaterMark: number;
  readonly receiveHighWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly overflow: "close" | "drop" | "wait";
  readonly bytes: BytesKept;
  readonly textAs: "string" | "bytes";
  readonly pongs: Answering;
  readonly deliverAfterClose: boolean;
}

export interface NetworkSetup {
  readonly seed: number;
  readonly capacity: number;
  readonly cut: number;
  readonly delay: number;
  readonly failAt: number;
}

export interface TimesSetup {
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly idleTimeout: number;
  readonly maxLifetime: number;
}

/** How it ends where no action has ended it. */
export type Finish = `close by ${Who}` | "shutdown" | `terminate by ${Who}` | "reset" | "fin";

/**
 * What the client is: this library, on a handshake of its own or on one that somebody else did; its WebSocketStream; or one that
 * speaks frames by itself, in good manners or bad.
 */
export type Peer = "library" | "adopted" | "streams" | "raw" | "rude";

export type Patient = Who | "nobody";

export type Completing = "early" | "late" | "never";

export interface Setup {
  readonly network: NetworkSetup;
  readonly compression: boolean;
  readonly sliceSize: number;
  readonly times: TimesSetup;
  readonly peer: Peer;
  readonly client: SideSetup;
  readonly server: SideSetup;
  /** Who waits long for the end of a closing handshake, so that the other one has to see to its end itself. */
  readonly patient: Patient;
  /** When messages in pieces that are begun are completed: before the end, right before it, or not at all. */
  readonly completes: Completing;
  /** Whether each side sends one message in pieces after the other, rather than several at once. */
  readonly oneAtATime: boolean;
  readonly finish: Finish;
  /** What the server does with a slow receiver of what it sends to many, and how much all its connections may hold. */
  readonly slowReceivers: "buffer" | "drop" | "close";
  readonly maxTotalBufferedAmount: number;
}

export interface Scenario {
  readonly setup: Setup;
  readonly actions: readonly Action[];
}

/** What is generated. */
export interface Profile {
  readonly name: string;
  /** How often each action comes, beside the others. */
  readonly actions: Partial<Record<ActionName, number>>;
  /** Actions of a scenario, at the most. */
  readonly most: number;
  /** Scenarios that are played unless more are asked for; those with large messages take their time. */
  readonly runs?: number;
  readonly sizes: Sizes;
  readonly pieces: Sizes;
  readonly takes: readonly Taking[];
  /** What handlers do; those that are left out do nothing. The first is what it shrinks to. */
  readonly does?: Partial<Record<HandlerName, readonly Behaviour[]>>;
  readonly reads?: readonly Reading[];
  readonly compression?: readonly boolean[];
  readonly sliceSizes?: readonly number[];
  readonly network?: Partial<{ readonly [Key in keyof NetworkSetup]: readonly number[] }>;
  readonly times?: Partial<{ readonly [Key in keyof TimesSetup]: readonly number[] }>;
  readonly highWaterMarks?: readonly number[];
  readonly receiveHighWaterMarks?: readonly number[];
  readonly maxBufferedAmounts?: readonly number[];
  readonly overflows?: readonly SideSetup["overflow"][];
  readonly completes?: readonly Completing[];
  readonly peers?: readonly Peer[];
  readonly patient?: readonly Patient[];
  readonly oneAtATime?: boolean;
  /** Who acts. Default: both. */
  readonly actors?: readonly Who[];
  readonly finishes?: readonly Finish[];
  /** Whether sources of streams may throw. */
  readonly failures?: boolean;
  readonly bytes?: readonly BytesKept[];
  readonly textAs?: readonly SideSetup["textAs"][];
  readonly pongs?: readonly Answering[];
  readonly deliverAfterClose?: readonly boolean[];
  readonly slowReceivers?: readonly Setup["slowReceivers"][];
  readonly maxTotalBufferedAmounts?: readonly number[];
  /** Whether sends may ask to be told when they are taken, and give text as bytes. */
  readonly asks?: boolean;
}

/** Milliseconds of the option closeTimeout, and of one who is patient. */
export const closeTimeout = 1000;
export const longCloseTimeout = 60_000;

const handlerNames: readonly HandlerName[] = [
  "open",
  "message",
  "ping",
  "pong",
  "drain",
  "error",
  "close",
];

function oneOf<Value>(values: readonly Value[] | undefined, byDefault: Value): fc.Arbitrary<Value> {
  return values === undefined ? fc.constant(byDefault) : fc.constantFrom(...values);
}

function someOf<Value>(values: readonly Value[]): fc.Arbitrary<readonly Value[]> {
  return fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
}

function sideArbitrary(profile: Profile): fc.Arbitrary<SideSetup> {
  const does = Object.fromEntries(
    handlerNames.map((name) => [name, someOf(profile.does?.[name] ?? ["sync"])]),
  ) as Record<HandlerName, fc.Arbitrary<readonly Behaviour[]>>;
  return fc.record({
    takes: fc.constantFrom(...profile.takes),
    does: fc.record(does),
    reads: someOf(profile.reads ?? ["all"]),
    highWaterMark: oneOf(profile.highWaterMarks, 256 * 1024),
    receiveHighWaterMark: oneOf(profile.receiveHighWaterMarks, 64 * 1024),
    maxBufferedAmount: oneOf(profile.maxBufferedAmounts, 16 * 1024 ** 2),
    overflow: oneOf<SideSetup["overflow"]>(profile.overflows, "close"),
    bytes: oneOf<BytesKept>(profile.bytes, "own"),
    textAs: oneOf<SideSetup["textAs"]>(profile.textAs, "string"),
    pongs: oneOf<Answering>(profile.pongs, "library"),
    deliverAfterClose: oneOf(profile.deliverAfterClose, false),
  });
}

function setupArbitrary(profile: Profile): fc.Arbitrary<Setup> {
  const { network = {}, times = {} } = profile;
  return fc.record({
    network: fc.record({
      seed: fc.nat({ max: 1000 }),
      capacity: oneOf(network.capacity, Infinity),
      cut: oneOf(network.cut, Infinity),
      delay: oneOf(network.delay, 0),
      failAt: oneOf(network.failAt, Infinity),
    }),
    compression: oneOf(profile.compression, false),
    sliceSize: oneOf(profile.sliceSizes, 4096),
    times: fc.record({
      pingInterval: oneOf(times.pingInterval, Infinity),
      pongTimeout: oneOf(times.pongTimeout, Infinity),
      idleTimeout: oneOf(times.idleTimeout, Infinity),
      maxLifetime: oneOf(times.maxLifetime, Infinity),
    }),
    peer: oneOf<Peer>(profile.peers, "library"),
    client: sideArbitrary(profile),
    server: sideArbitrary(profile),
    completes: oneOf<Completing>(profile.completes, "early"),
    patient: oneOf<Patient>(profile.patient, "nobody"),
    oneAtATime: fc.constant(profile.oneAtATime ?? false),
    finish: oneOf<Finish>(profile.finishes, "close by client"),
    slowReceivers: oneOf<Setup["slowReceivers"]>(profile.slowReceivers, "buffer"),
    maxTotalBufferedAmount: oneOf(profile.maxTotalBufferedAmounts, Infinity),
  });
}

/** Generates what a profile asks for. */
export function scenarioArbitrary(profile: Profile): fc.Arbitrary<Scenario> {
  const { sizes, pieces, failures = false, asks = false } = profile;
  const { actors = ["client", "server"] } = profile;
  const all = actionArbitraries({ sizes, pieces, failures, asks, actors });
  const weighted = Object.entries(profile.actions).map(([name, weight]) => ({
    weight,
    arbitrary: all[name as ActionName],
  }));
  return fc.record({
    setup: setupArbitrary(profile),
    actions: fc.array(fc.oneof(...weighted), { maxLength: profile.most, size: "max" }),
  });
}
