import type { Net, NetFor } from "./net.ts";
import { perform, shutDown } from "./perform.ts";
import {
  checkAlways,
  checkHandshake,
  checkNothingStays,
  checkOver,
  checkQuiet,
  isWaitingForItself,
} from "./rules.ts";
import { closeTimeout, type Finish, longCloseTimeout, type Scenario } from "./setup.ts";
import type { Side } from "./side.ts";
import { World } from "./world.ts";

/** Plays a scenario to its end, and gives what does not hold. */
export async function run(scenario: Scenario, netFor: NetFor): Promise<readonly string[]> {
  const net = await netFor(scenario.setup);
  try {
    return await runOn(net, scenario);
  } finally {
    net.close();
  }
}

async function runOn(net: Net, { setup, actions }: Scenario): Promise<readonly string[]> {
  const world = new World(setup, net);
  const { journal } = world;
  await world.open();
  if (world.isConnected && journal.findings.length === 0) {
    for (const action of actions) {
      await perform(world, action);
      if (journal.findings.length > 0) return journal.findings;
    }
    await becomeQuiet(world);
    checkAlways(world);
    if (journal.findings.length > 0) return journal.findings;
    await end(world);
    if (journal.findings.length > 0) return journal.findings;
  }
  const shutdown = shutDown(world);
  await world.settle();
  if (shutdown.state === "pending") await world.advance(2 * closeTimeout);
  // Handlers that are never done may be waited for as long as the option says.
  if (shutdown.state === "pending" && world.server.isStuck) await world.advance(longCloseTimeout);
  await eventually(world, () => {
    if (shutdown.state === "pending") journal.found("shutdown() does not resolve");
    checkNothingStays(world);
  });
  return journal.findings;
}

/** Checks what has to hold, if not at once, then as soon as the network has done its part. */
async function eventually(world: World, check: () => void): Promise<void> {
  const { findings } = world.journal;
  const known = findings.length;
  for (let turns = 0; ; turns++) {
    check();
    if (findings.length === known || turns === world.net.grace) return;
    findings.length = known;
    await world.turn();
  }
}

/** Lets go on what was held up, asks for what is there, and completes what was begun. */
async function becomeQuiet(world: World): Promise<void> {
  for (const side of world.sides) side.releaseAll();
  await world.settle();
  if (world.setup.completes === "early") complete(world);
  await drain(world);
}

/** Completes the messages in pieces that are begun. */
function complete({ sides }: World): void {
  for (const { sending, hasVanished } of sides) {
    while (sending.hasOpenWriter && !hasVanished) sending.finish(0);
  }
}

/** Asks for messages until none comes. */
async function drain(world: World): Promise<void> {
  await world.settle();
  // Nobody asks on a connection that has failed: it must come to its end all the same.
  const pulling = world.sides.filter(({ setup, ws, failure }) => {
    const mayHear = ws?.state === "open" || (ws?.state === "closing" && setup.deliverAfterClose);
    const mayAsk = ws?.state === "closed" || (mayHear && failure === undefined);
    return setup.takes === "pull" && mayAsk;
  });
  for (let isNew = pulling.length > 0; isNew;) {
    isNew = false;
    for (const side of pulling) isNew = (await drainOne(world, side)) || isNew;
  }
}

/** Asks for messages of one side until none comes; tells whether one did. */
async function drainOne(world: World, side: Side): Promise<boolean> {
  for (let count = 0; ; count++) {
    const aborter = new AbortController();
    const receipt = side.receiveOne("receive", aborter.signal);
    await world.settle(() => receipt.state !== "asked");
    if (receipt.state !== "asked") continue;
    aborter.abort(world.notNow);
    await world.settle();
    // It may have come at the last moment.
    if (receipt.state === "asked") return count > 0;
  }
}

/** Ends the connection, unless that is under way, and sees that it comes to its end. */
async function end(world: World): Promise<void> {
  const { client, server } = world;
  const { isOpen } = world;
  const isFailed = client.failure !== undefined || server.failure !== undefined;
  const isLost = client.hasVanished;
  const waiting = world.sides.filter(isWaitingForItself);
  if (world.setup.completes === "never") for (const side of waiting) side.stuck++;
  if (isOpen && !isFailed && !isLost) {
    const isCalm = !client.isStuck && !server.isStuck && waiting.length === 0;
    if (isCalm && world.setup.network.failAt === Infinity) {
      await eventually(world, () => {
        checkQuiet(world);
      });
      if (world.journal.findings.length > 0) return;
    }
    if (world.setup.completes === "late") complete(world);
    finish(world, world.setup.finish);
    // Whoever asks for messages asks on: one that was completed just now may stand in front of the close frame.
    await drain(world);
    if (!client.isStuck && !server.isStuck) {
      await eventually(world, () => {
        checkHandshake(world);
      });
    }
  } else if (isLost && server.isOpen) {
    server.close();
  } else if (server.isOpen && !isFailed) {
    world.raw?.close();
  }
  await world.settle();
  // One for the closing handshake, one for handlers that are never done, and the ticks by which time is coarse.
  for (let times = 0; times < 2 && !isOver(world); times++) await world.advance(closeTimeout + 300);
  // Who is stuck may not even read that it should end, and who is gone does not answer; the other one gives up some day.
  const isAlone = client.isStuck || server.isStuck || client.hasVanished;
  if (isAlone && !isOver(world)) await world.advance(longCloseTimeout + 300);
  await drain(world);
  await eventually(world, () => {
    checkAlways(world);
    checkOver(world);
  });
}

function isOver({ sides }: World): boolean {
  return sides.every(({ ws, closures, closed, hasVanished }) => {
    return hasVanished || ws === undefined || (closures.length > 0 && closed !== undefined);
  });
}

function finish(world: World, how: Finish): void {
  switch (how) {
    case "close by client":
      if (world.raw === undefined) world.client.close();
      else world.raw.close();
      return;
    case "close by server":
      world.server.close();
      return;
    case "terminate by client":
      world.client.terminate();
      return;
    case "terminate by server":
      world.server.terminate();
      return;
    case "shutdown":
      shutDown(world);
      return;
    case "reset":
      world.net.reset();
      return;
    case "fin":
      // A server whose handlers are never done stops reading, and never hears of it.
      if (world.server.isStuck) world.net.reset();
      else world.net.fin("client");
  }
}
