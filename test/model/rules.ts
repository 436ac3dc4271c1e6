import type { Closure } from "../../src/errors.ts";
import { delivered, due } from "./delivery.ts";
import { type Entry, otherThan } from "./journal.ts";
import type { Side } from "./side.ts";
import { topic } from "./sending.ts";
import type { World } from "./world.ts";

/*
 * What must hold, at any time, when all is quiet, and when all is over.
 */

/** What holds at any time: nobody gets what was not sent so. */
export function checkAlways(world: World): void {
  for (const side of world.sides) {
    const from = world.sideOf(otherThan(side.who));
    const { findings } = delivered(from.sending.entries, side.receipts, {
      closedAt: from.ownEnd?.at,
    });
    for (const finding of findings) world.journal.found(`${side.who}: ${finding}`);
    side.keeping.checkKept();
    checkPings(side, from);
  }
}

/** What holds of a connection that is open when nothing happens any more: all is there, and nobody waits. */
export function checkQuiet(world: World): void {
  const { journal } = world;
  if (isStandstill(world)) return;
  for (const side of world.sides) {
    const from = world.sideOf(otherThan(side.who));
    checkArrived(world, side, journal.now + 1, "All is quiet");
    const lastPing = from.sending.pings.at(-1);
    const isAnswered = side.setup.pongs !== "nobody" || world.raw !== undefined;
    if (isAnswered && lastPing !== undefined && from.pongsSeen.at(-1) !== lastPing) {
      journal.found(`${from.who}: ${lastPing} has no pong, though all is quiet`);
    }
    if (side.freePongsSeen.length < from.sending.pongs.length) {
      journal.found(`${side.who}: not all pongs have come that ${from.who} has sent by itself`);
    }
    if (!hasOpenMessage(side)) side.sending.told.check(`${side.who}: all is quiet`);
    const bufferedAmount = side.ws?.bufferedAmount ?? 0;
    if (bufferedAmount !== 0 && !hasOpenMessage(side)) {
      journal.found(`${side.who}: bufferedAmount is ${bufferedAmount}, though all is quiet`);
    }
  }
  for (const { what, state } of journal.tracked) {
    const mayWait = /receive|next|read of|closed of/.test(what) || world.sides.some(hasOpenMessage);
    if (state === "pending" && !mayWait) {
      journal.found(`${what} does not settle, though all is quiet`);
    }
  }
}

/** What holds when one has closed a connection on which all was quiet, and no time has gone by: that is done in order. */
export function checkHandshake(world: World): void {
  const { journal, sides, setup } = world;
  // A server that is shut down may wait for its handlers, which is no question of the closing handshake.
  const isOrderly = setup.finish.startsWith("close");
  if (
    !isOrderly ||
    setup.peer === "rude" ||
    setup.network.failAt < Infinity ||
    sides.some(hasOpenMessage) ||
    isStandstill(world)
  )
    return;
  for (const { who, ws, closures } of sides) {
    const [closure] = closures;
    if (ws === undefined) continue;
    if (closure === undefined) journal.found(`${who}: nobody is in the way, and it does not end`);
    else if (!closure.clean)
      journal.found(`${who}: nobody is in the way, and its end is not clean`);
  }
}

/** What holds when the connection is over. */
export function checkOver(world: World): void {
  const { journal, client, server } = world;
  for (const side of world.sides) if (!side.hasVanished) checkEnd(world, side);
  for (const { what, state } of journal.tracked) {
    const isOfVanished = client.hasVanished && !what.startsWith("s");
    // Handlers that are never done may be waited for as long as the option says: run.ts looks at that later.
    const isForHandlers = server.isStuck && what.startsWith("server.shutdown");
    if (state === "pending" && !isOfVanished && !isForHandlers) {
      journal.found(`${what} never settles`);
    }
  }
  for (const side of world.sides) {
    if (!side.hasVanished) side.sending.told.check(`${side.who}: all is over`);
    for (const { what, state } of side.sending.late) {
      if (state === "fulfilled") journal.found(`${what} fulfils, though it came too late`);
    }
    checkLeftBehind(world, side);
    checkDeliveredAfterClose(world, side);
  }
}

/** What holds when the server is shut down, too: nothing stays. */
export function checkNothingStays(world: World): void {
  const { journal, listener, clock, client } = world;
  const { open, opening } = listener.counters;
  if (open > 0 || opening > 0) {
    journal.found(`The server still counts ${open} open and ${opening} opening connections`);
  }
  if (listener.connections.length > 0) journal.found("The server still has connections");
  const subscribers = listener.subscribersOf(topic);
  if (subscribers > 0) journal.found(`${subscribers} subscribers stay`);
  if (clock.running > 0 && !client.hasVanished) {
    journal.found(`${clock.running} timers still run when all is over`);
  }
}

/** An end is told once, as the last thing, and to whoever awaits it. */
function checkEnd({ journal }: World, side: Side): void {
  const { who, ws, closures, closed } = side;
  if (ws === undefined) return;
  const found = (what: string): void => {
    journal.found(`${who}: ${what}`);
  };
  if (ws.state !== "closed") found(`its connection is ${ws.state} for ever`);
  if (closures.length !== 1) found(`close is called ${closures.length} times`);
  if (closed === undefined) found("closed does not resolve");
  else if (closures[0] !== undefined && closures[0].status !== closed.status) {
    found(`closed says ${closed.status}, and close was told ${closures[0].status}`);
  }
  const { bufferedAmount } = ws;
  if (bufferedAmount !== 0) found(`bufferedAmount stays at ${bufferedAmount} when all is over`);
}

/** What a side was told of its end. */
type Told = Pick<Closure, "clean" | "initiator">;

/** Who closes leaves behind what was sent before, if nothing else ends the connection. */
function checkLeftBehind(world: World, from: Side): void {
  const to = world.sideOf(otherThan(from.who));
  const [mine, theirs] = [endOf(world, from, "local"), endOf(world, to, "peer")];
  if (mine === undefined || theirs === undefined || from.ownEnd === undefined) return;
  if (isEndInOrder(from, to, mine, theirs) && !to.isStuck)
    checkArrived(world, to, from.ownEnd.at, `${from.who} has closed in order`);
}

/** Who closes, and wants messages all the same, gets what the other one had sent before it heard of the close. */
function checkDeliveredAfterClose(world: World, side: Side): void {
  const from = world.sideOf(otherThan(side.who));
  const [mine, theirs] = [endOf(world, side, "local"), endOf(world, from, "peer")];
  const { ownEnd, setup, isStuck } = side;
  const isWanted =
    setup.deliverAfterClose &&
    ownEnd?.how === "close()" &&
    !side.hasTerminated &&
    world.raw === undefined;
  if (!isWanted || mine === undefined || theirs === undefined || isStuck) return;
  if (!isEndInOrder(side, from, mine, theirs) || from.ownEnd !== undefined) return;
  const { entries } = from.sending;
  const { come } = delivered(entries, side.receipts);
  const missing = due(entries, Infinity, true).filter((entry) => !come.has(entry));
  if (missing.length === 0) return;
  world.journal.found(
    `${side.who}: has closed and wants the rest, and ${labels(missing)} has not come`,
  );
}

/** Tells whether one side has closed, the other one has answered, and nothing else has happened. */
function isEndInOrder(closing: Side, other: Side, mine: Told, theirs: Told): boolean {
  return (
    mine.clean &&
    theirs.clean &&
    mine.initiator === "local" &&
    theirs.initiator === "peer" &&
    closing.errors.length + other.errors.length === 0 &&
    closing.failure === undefined &&
    other.failure === undefined &&
    !other.hasCutShort
  );
}

/** How a side was told that it ended; who speaks frames by himself knows by himself. */
function endOf(
  { raw, setup }: World,
  side: Side,
  initiator: Closure["initiator"],
): Told | undefined {
  if (raw === undefined || side.who === "server") return side.closures[0];
  return setup.peer === "raw" ? { clean: true, initiator } : undefined;
}

function checkArrived(world: World, side: Side, at: number, when: string): void {
  const from = world.sideOf(otherThan(side.who));
  const { entries } = from.sending;
  const { come, broken } = delivered(entries, side.receipts);
  // Who is told that it cannot go knows; with streams, what was written may not have been sent yet.
  const heedsRefusals = from.setup.overflow === "wait" || from.sending.writer !== undefined;
  const isDue = due(entries, at, heedsRefusals);
  const missing = isDue.filter((entry) => !come.has(entry));
  for (const [isRefused, words] of [
    [false, "has not come"],
    [true, "was refused, though it was sent before"],
  ] as const) {
    const such = missing.filter((entry) => entry.isRefused === isRefused);
    if (such.length > 0) world.journal.found(`${side.who}: ${when}, and ${labels(such)} ${words}`);
  }
  const cut = isDue.filter((entry) => broken.has(entry));
  if (cut.length > 0) {
    world.journal.found(`${side.who}: ${when}, and of ${labels(cut)} only a part has come`);
  }
}

/** Pings come to the handler in order; pongs too, and those in between may be left out. */
function checkPings(side: Side, from: Side): void {
  const { journal, pingsSeen, pongsSeen, sending } = side;
  const isPrefix = pingsSeen.every((payload, index) => payload === from.sending.pings[index]);
  if (!isPrefix) journal.found(`${side.who}: pings came as ${pingsSeen.join(", ")}`);
  let at = -1;
  for (const payload of pongsSeen) {
    const next = sending.pings.indexOf(payload, at + 1);
    if (next === -1) {
      journal.found(`${side.who}: pongs came as ${pongsSeen.join(", ")}`);
      return;
    }
    at = next;
  }
  const isInOrder = side.freePongsSeen.every(
    (payload, index) => payload === from.sending.pongs[index],
  );
  if (!isInOrder) journal.found(`${side.who}: pongs came as ${side.freePongsSeen.join(", ")}`);
}

function hasOpenMessage({ sending }: Side): boolean {
  return (
    sending.hasOpenWriter ||
    sending.entries.some(({ completedAt, isVoid }) => completedAt === Infinity && !isVoid)
  );
}

/** Whether each side waits in a handler until the other one reads: applications can do that to each other. */
function isStandstill({ sides }: World): boolean {
  return sides.every(({ isHandling, ws }) => isHandling && (ws?.bufferedAmount ?? 0) > 0);
}

/** Whether a handler waits for its answer, which waits behind a message in pieces of the same side that nobody completes. */
export function isWaitingForItself(side: Side): boolean {
  return hasOpenMessage(side) && side.isHandling;
}

function labels(entries: readonly Entry[]): string {
  return entries.map(({ label }) => label).join(", ");
}
