import type { Action, Raw } from "./actions.ts";
import type { Tracked } from "./journal.ts";
import { topic } from "./sending.ts";
import type { Side } from "./side.ts";
import type { World } from "./world.ts";

/** Does an action, and where it is awaited lets the world go on until it is done, or nothing happens any more. */
export async function perform(world: World, action: Action): Promise<void> {
  const side = world.sideOf(action.by);
  if (action.do === "raw") {
    world.raw?.act(action);
    return;
  }
  const isOfRaw = world.raw !== undefined && side === world.client;
  if (isOfRaw && !["pause", "advance", "fin", "vanish", "reset", "shutdown"].includes(action.do))
    return;
  // Who hears nothing any more does nothing any more.
  if ((side.ws === undefined && !isOfRaw) || side.hasVanished) return;
  const begun = begin(world, side, action);
  if (begun instanceof Promise) {
    await begun;
    return;
  }
  if (action.awaited) {
    await world.settle(() => begun.every(({ state }) => state !== "pending"));
  }
}

const nothing: readonly Tracked[] = [];

function begin(
  world: World,
  side: Side,
  action: Exclude<Action, Raw>,
): readonly Tracked[] | Promise<void> {
  const { sending } = side;
  const ws = side.ws!;
  switch (action.do) {
    case "send": {
      // What is sent to many, and dropped, nobody is told of.
      const isToMany = side.who === "server" && side.setup.overflow !== "drop";
      return sending.send(ws, action, isToMany ? world.listener : undefined);
    }
    case "begin":
      sending.begin(ws, action);
      return nothing;
    case "write":
      return sending.write(action);
    case "finish":
      return sending.finish(action.writer);
    case "abort":
      sending.abort(action.writer);
      return nothing;
    case "sendStream":
      return sending.sendStream(ws, action);
    case "ping":
      return [sending.ping(ws)];
    case "pong":
      return [sending.pong(ws)];
    case "subscribe":
      if (side.who === "server") world.journal.track("subscribe()", ws.subscribe(topic));
      return nothing;
    case "unsubscribe":
      if (side.who === "server") ws.unsubscribe(topic);
      return nothing;
    case "receive":
      side.receive(action);
      return nothing;
    case "release":
      side.release();
      return nothing;
    case "close":
      side.close(action.status);
      return nothing;
    case "terminate":
      side.terminate();
      return nothing;
    case "shutdown":
      shutDown(world);
      return nothing;
    case "reset":
      world.net.reset();
      return nothing;
    case "fin":
      world.net.fin(side.who);
      return nothing;
    case "vanish":
      // Only a client: whether a server is left in peace can be seen.
      world.client.hasVanished = true;
      world.net.vanish("client");
      return nothing;
    case "pause":
      return pause(world, action.turns);
    case "advance":
      return world.advance(action.milliseconds);
  }
}

async function pause(world: World, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await world.turn();
  await Promise.resolve();
}

/** Shuts the server down, which a second call only joins. */
export function shutDown(world: World): Tracked {
  const { server, listener, journal } = world;
  let tracked: Tracked | undefined;
  const act = (): void => {
    tracked = journal.track("server.shutdown()", listener.shutdown());
  };
  if (server.ws === undefined) act();
  else server.end("shutdown()", act);
  return tracked!;
}
