/**
 * Tasks, as the standard defines them: each runs from the event loop, after all microtasks of the task before.
 *
 * Each event of a WebSocket has a separate task (WHATWG WebSockets, 4), so that a program that awaits one message and then
 * listens for the next one finds it. `setImmediate` is such a task on Node, Deno and Bun. Waiting ones run in their order in one
 * round of the event loop, and one costs 0.1 to 0.4 us. Microtasks would cost less, but would run before the code that awaits
 * something in a handler.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** An object that has work for a task. */
export interface TaskOwner {
  /** Does the next piece of queued work. */
  runTask(): void;
}

/** Hears of the end of a turn of the event loop. */
export interface TurnListener {
  /** The turn is over, its microtasks included. */
  onTurn(): void;
}

/** The listeners to call at the end of this turn. */
let listeners: TurnListener[] = [];

/** Calls the owner in a separate task, behind all waiting tasks. */
export function queueTask(owner: TaskOwner): void {
  setImmediate(run, owner);
}

/** Calls the listener at the end of the turn, once. All listeners of a turn share one task. */
export function atEndOfTurn(listener: TurnListener): void {
  if (listeners.push(listener) === 1) setImmediate(endTurn);
}

function run(owner: TaskOwner): void {
  owner.runTask();
}

function endTurn(): void {
  const told = listeners;
  listeners = [];
  for (const listener of told) listener.onTurn();
}
