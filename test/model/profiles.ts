import type { Profile } from "./setup.ts";

/*
 * What is tried out: narrow profiles, each of which comes to one kind of fault quickly, and one that mixes everything.
 *
 * One of them alone: MODEL_PROFILE=writers npx vitest run test/model
 */

/** Networks that take little, in pieces, late. */
const slow = { capacity: [Infinity, 1, 100, 5000], cut: [Infinity, 20, 300], delay: [0, 5] };
/** Such ones for large messages, which would come in too many pieces otherwise. */
const wide = { capacity: [Infinity, 5000, 100_000], cut: [Infinity, 20_000], delay: [0, 5] };

/** Networks where what waits for a slow peer comes to it in one chunk. */
const together = { capacity: [1, 100], delay: [30, 100] };

const eitherCloses = ["close by client", "close by server"] as const;

/** Pieces through compression in slices, while pings and other messages come and go. */
const slices: Profile = {
  name: "slices",
  actions: { send: 2, begin: 2, write: 8, finish: 2, sendStream: 2, ping: 6, pause: 2 },
  most: 24,
  sizes: "medium",
  pieces: "medium",
  takes: ["message", "stream"],
  reads: ["all", "slow", "gather"],
  compression: [true],
  sliceSizes: [1024, 4096],
  oneAtATime: true,
  network: wide,
  finishes: eitherCloses,
};

/** Pieces as large as real ones, in slices as large as real ones. */
const largeSlices: Profile = {
  ...slices,
  name: "large slices",
  runs: 15,
  most: 12,
  pieces: "large",
  sliceSizes: [128 * 1024],
};

/** Several messages in pieces at once, and nothing else. */
const writers: Profile = {
  name: "writers",
  actions: { begin: 3, write: 6, finish: 3, sendStream: 3, pause: 2 },
  most: 24,
  sizes: "small",
  pieces: "small",
  takes: ["message", "stream"],
  reads: ["all", "slow", "gather", "readable"],
  compression: [false, true],
  sliceSizes: [512],
  network: slow,
  finishes: eitherCloses,
};

/** Messages of all kinds in an order that is kept. */
const order: Profile = {
  ...writers,
  name: "order",
  actions: { send: 6, begin: 2, write: 5, finish: 3, sendStream: 2, ping: 1, pause: 2 },
  highWaterMarks: [256 * 1024, 1, 500],
  reads: ["all", "slow", "gather", "readable", "gate"],
  does: { message: ["sync", "soon", "later", "gate", "thenable"] },
};

/** One closes behind what it has sent. */
const leaving: Profile = {
  ...order,
  name: "leaving",
  actions: { send: 4, begin: 2, write: 4, finish: 3, sendStream: 1, pause: 1, close: 1 },
  most: 12,
  oneAtATime: true,
  actors: ["client"],
  completes: ["early", "late", "never"],
  finishes: [...eitherCloses, "shutdown"],
};

/** Handlers that fail, while there is more to come. */
const failures: Profile = {
  name: "failures",
  actions: { send: 8, sendStream: 2, pause: 2 },
  most: 16,
  sizes: "small",
  pieces: "small",
  takes: ["message"],
  does: { message: ["sync", "later", "throw", "reject"], drain: ["throw", "sync"] },
  oneAtATime: true,
  highWaterMarks: [1, 100],
  network: { capacity: [1, 100], cut: [20, 300], delay: [0, 5] },
  finishes: eitherCloses,
};

/** Those who read and fail while too much is unread. */
const failingReaders: Profile = {
  ...failures,
  name: "failing readers",
  actions: { send: 6, begin: 2, write: 5, finish: 2, sendStream: 2, pause: 1 },
  takes: ["stream", "pull"],
  does: { open: ["loop", "loopThrow"] },
  reads: ["all", "throw", "throwAfterOne", "throwLater"],
  highWaterMarks: [256 * 1024],
  receiveHighWaterMarks: [1, 100],
  network: together,
  patient: ["client", "server"],
};

/** Handlers that fail late, or in an odd way. */
const lateFailures: Profile = {
  ...failingReaders,
  name: "late failures",
  takes: ["message", "stream", "pull"],
  actions: { ...failures.actions, ping: 2, receive: 1, release: 1 },
  does: {
    open: ["sync", "throw", "reject", "rejectLater", "loop", "loopThrow", "badThenable"],
    message: ["sync", "later", "throw", "rejectLater", "reply", "badThenable"],
    ping: ["sync", "throw", "rejectLater"],
    pong: ["sync", "throw", "rejectLater"],
    drain: ["sync", "throw", "rejectLater"],
    error: ["sync", "later", "throw", "reject"],
    close: ["sync", "later", "throw", "reject"],
  },
};

/** Messages in pieces that are left before their end. */
const abandoned: Profile = {
  name: "abandoned",
  actions: { send: 4, begin: 2, write: 6, finish: 3, sendStream: 3, receive: 1, pause: 1 },
  most: 20,
  sizes: "small",
  pieces: "tiny",
  takes: ["stream", "stream", "pull"],
  reads: ["oneLater", "noneLater", "one", "none", "keep", "all"],
  receiveHighWaterMarks: [1, 20],
  oneAtATime: true,
  network: together,
  finishes: eitherCloses,
};

/** Handlers that take their time, and others that are called meanwhile. */
const drains: Profile = {
  name: "drains",
  actions: { send: 8, ping: 3, pause: 3, release: 2 },
  most: 20,
  sizes: "small",
  pieces: "small",
  takes: ["message", "stream"],
  reads: ["all", "gate", "slow"],
  does: {
    message: ["sync", "gate", "later"],
    drain: ["sync", "soon", "later", "gate"],
    ping: ["sync", "soon", "later"],
    pong: ["sync", "soon", "later"],
  },
  highWaterMarks: [1, 100],
  network: { capacity: [1, 100], cut: [20, 300], delay: [0, 5] },
  finishes: eitherCloses,
};

/** Handlers that wait for the end of their own connection, or for nothing. */
const waiting: Profile = {
  name: "waiting",
  actions: { send: 6, sendStream: 1, ping: 2, pause: 3, close: 1, reset: 1, fin: 1, vanish: 1 },
  most: 10,
  sizes: "small",
  pieces: "small",
  takes: ["message", "stream", "pull"],
  does: {
    open: ["sync", "closed", "never", "loop"],
    message: ["sync", "closed", "never", "close"],
    ping: ["sync", "closed", "never"],
    pong: ["sync", "closed", "never"],
    drain: ["sync", "closed", "never"],
  },
  reads: ["all", "never"],
  highWaterMarks: [256 * 1024, 1],
  network: slow,
  finishes: [...eitherCloses, "shutdown", "reset", "fin"],
  patient: ["nobody", "client", "server"],
};

/** Messages that are asked for. */
const pulls: Profile = {
  name: "pulls",
  actions: { send: 8, begin: 1, write: 3, finish: 2, sendStream: 1, receive: 6, pause: 3 },
  most: 24,
  sizes: "small",
  pieces: "small",
  takes: ["pull", "stream"],
  does: { open: ["sync", "loop", "loopLeave"] },
  reads: ["all", "one", "oneLater", "gather", "readable", "several"],
  receiveHighWaterMarks: [64 * 1024, 1, 300],
  network: slow,
  finishes: [...eitherCloses, "fin"],
};

/** Ends of all kinds at any time. */
const ends: Profile = {
  name: "ends",
  actions: {
    ...{ send: 8, begin: 2, write: 4, finish: 2, abort: 1, sendStream: 2, ping: 2, receive: 2 },
    ...{ release: 1, pause: 4, close: 1, terminate: 1, reset: 1, fin: 1, shutdown: 1, vanish: 1 },
    advance: 1,
  },
  most: 20,
  sizes: "small",
  pieces: "small",
  takes: ["message", "stream", "pull"],
  does: { message: ["sync", "later", "gate", "reply"], close: ["sync", "later"] },
  reads: ["all", "slow", "gate"],
  compression: [false, true],
  sliceSizes: [256],
  network: { ...slow, failAt: [Infinity, 8, 15, 30, 60] },
  completes: ["early", "late", "never"],
  finishes: [
    ...eitherCloses,
    ...(["shutdown", "reset", "fin", "terminate by client", "terminate by server"] as const),
  ],
  failures: true,
  patient: ["nobody", "client", "server"],
};

/** Time goes by. */
const times: Profile = {
  ...ends,
  name: "times",
  actions: { ...ends.actions, advance: 6, vanish: 2 },
  times: {
    pingInterval: [Infinity, 300, 1000],
    pongTimeout: [Infinity, 300, 2000],
    idleTimeout: [Infinity, 500, 5000],
    maxLifetime: [Infinity, 1000, 5000],
  },
  network: slow,
};

/** More than a connection may hold back. */
const limits: Profile = {
  name: "limits",
  actions: { send: 10, ping: 1, pause: 2, close: 1, release: 1 },
  most: 24,
  sizes: "small",
  pieces: "small",
  takes: ["message", "pull"],
  does: { message: ["sync", "gate", "later"] },
  highWaterMarks: [256 * 1024, 1, 500],
  receiveHighWaterMarks: [64 * 1024, 500],
  maxBufferedAmounts: [1000, 3000],
  overflows: ["close", "drop", "wait"],
  compression: [false, true],
  sliceSizes: [256],
  network: slow,
  finishes: eitherCloses,
};

/** A client that cuts, drips, stops in the middle and breaks rules. */
const raw: Profile = {
  name: "raw",
  actions: {
    raw: 14,
    send: 3,
    begin: 1,
    write: 2,
    finish: 1,
    ping: 1,
    close: 1,
    receive: 1,
    pause: 2,
    fin: 1,
    reset: 1,
  },
  most: 16,
  sizes: "small",
  pieces: "tiny",
  takes: ["message", "stream", "pull"],
  does: { open: ["sync", "loop"], message: ["sync", "later"], ping: ["sync", "later"] },
  reads: ["all", "oneLater", "noneLater", "one", "slow", "gather"],
  receiveHighWaterMarks: [64 * 1024, 1, 20],
  oneAtATime: true,
  peers: ["raw", "rude"],
  network: { capacity: [Infinity, 100], cut: [Infinity, 20], delay: [0, 5] },
  finishes: [...eitherCloses, "shutdown", "fin", "terminate by server"],
  completes: ["early", "never"],
  patient: ["nobody"],
};

/** Options of how messages are given, pings answered and senders told, all at once. */
const options: Profile = {
  name: "options",
  asks: true,
  actions: {
    ...{ send: 12, begin: 1, write: 3, finish: 2, sendStream: 1, ping: 3, pong: 2, receive: 3 },
    ...{ pause: 3, release: 1, close: 1, subscribe: 1, unsubscribe: 1 },
  },
  most: 24,
  sizes: "small",
  pieces: "small",
  takes: ["message", "message", "stream", "pull"],
  does: { message: ["sync", "later", "gate", "reply"], ping: ["sync", "later"] },
  reads: ["all", "slow", "gather"],
  bytes: ["own", "borrowed", "made"],
  textAs: ["string", "bytes"],
  pongs: ["library", "handler", "nobody"],
  deliverAfterClose: [false, true],
  compression: [false, true],
  sliceSizes: [256],
  peers: ["library", "adopted"],
  highWaterMarks: [256 * 1024, 1, 500],
  receiveHighWaterMarks: [64 * 1024, 1, 300],
  network: slow,
  finishes: eitherCloses,
};

/** The same, with limits of all kinds in the way, and ends at any time. */
const optionsAtLimits: Profile = {
  ...options,
  name: "options at limits",
  actions: { ...options.actions, terminate: 1, shutdown: 1, reset: 1, fin: 1 },
  maxBufferedAmounts: [16 * 1024 ** 2, 1000, 3000],
  overflows: ["close", "drop", "wait"],
  slowReceivers: ["buffer", "drop", "close"],
  maxTotalBufferedAmounts: [Infinity, 500, 5000],
  patient: ["nobody", "client", "server"],
  completes: ["early", "late", "never"],
  finishes: [...eitherCloses, "shutdown", "reset", "fin"],
};

/** A client as a WebSocketStream. */
const streams: Profile = {
  name: "streams",
  actions: { send: 10, receive: 6, ping: 1, pause: 3, close: 1, terminate: 1, reset: 1, fin: 1 },
  most: 16,
  sizes: "small",
  pieces: "small",
  takes: ["message", "pull"],
  does: { message: ["sync", "later", "gate"] },
  highWaterMarks: [256 * 1024, 1, 500],
  receiveHighWaterMarks: [64 * 1024, 1, 300],
  compression: [false, true],
  peers: ["streams"],
  network: slow,
  finishes: [...eitherCloses, "shutdown", "reset", "terminate by client"],
};

/** All of it. */
const everything: Profile = {
  ...times,
  name: "everything",
  most: 30,
  sizes: "medium",
  pieces: "medium",
  does: {
    open: [
      ...(["sync", "soon", "later", "gate", "throw", "reject", "rejectLater", "thenable"] as const),
      ...(["badThenable", "never", "closed", "reply", "close", "terminate"] as const),
      ...(["loop", "loopLeave", "loopThrow"] as const),
    ],
    message: [
      ...(["sync", "sync", "soon", "later", "gate", "reject", "thenable", "throw"] as const),
      ...(["badThenable", "never", "closed", "reply", "close", "terminate"] as const),
    ],
    ping: ["sync", "later", "gate", "throw", "closed", "never", "badThenable"],
    pong: ["sync", "later", "gate", "throw", "closed", "never", "badThenable"],
    drain: ["sync", "later", "gate", "throw", "closed", "reject", "badThenable", "never"],
    error: ["sync", "later", "throw", "reject"],
    close: ["sync", "later", "throw", "reject"],
  },
  reads: [
    ...([
      "all",
      "slow",
      "gather",
      "readable",
      "several",
      "one",
      "oneLater",
      "none",
      "noneLater",
    ] as const),
    ...(["keep", "gate", "throw", "throwAfterOne", "throwLater", "never"] as const),
  ],
  highWaterMarks: [256 * 1024, 1, 500],
  receiveHighWaterMarks: [64 * 1024, 1, 300],
  sliceSizes: [1024, 128 * 1024],
  network: { ...wide, failAt: [Infinity, Infinity, 8, 15, 30, 60] },
};

export const profiles: readonly Profile[] = [
  slices,
  largeSlices,
  writers,
  order,
  leaving,
  failures,
  failingReaders,
  lateFailures,
  abandoned,
  drains,
  waiting,
  pulls,
  raw,
  streams,
  options,
  optionsAtLimits,
  ends,
  times,
  limits,
  everything,
];

/** Those that are played over real sockets, with what a network in memory can do left out. */
export const socketProfiles: readonly Profile[] = [
  { ...order, network: {} },
  { ...largeSlices, network: {}, takes: ["message", "pull"] },
  { ...ends, network: {}, sizes: "medium", pieces: "medium" },
  { ...everything, network: {}, times: {} },
];
