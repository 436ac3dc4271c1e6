/**
 * Tasks, as the standard has them: what runs from the event loop, so that all microtasks of the one before have run by then.
 *
 * Each event of a WebSocket has a task to itself (WHATWG WebSockets, 4): a program that awaits one message and then listens for the
 * next finds it. `setImmediate` is such a task on Node, Deno and Bun, those that wait run in their order in one round of the event
 * loop, and one costs 0.1 to 0.4 us. A microtask for each would cost less, but would come in front of what a handler awaits.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** What has something to do in a task. */
export interface TaskOwner {
  /** Does the next thing that was queued. */
  runTask(): void;
}

/** What is told that a turn of the event loop is over. */
export interface TurnListener {
  /** What was done in the turn is done, microtasks included. */
  onTurn(): void;
}

/** Those to tell at the end of this turn. */
let listeners: TurnListener[] = [];

/** Has the owner called in a task of its own, behind all tasks that wait. */
export function queueTask(owner: TaskOwner): void {
  setImmediate(run, owner);
}

/** Tells the end of the turn, once; one task tells all who asked. */
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
