/**
 * What time costs where many wait: a tick of the timer that all deadlines share, by how many there are and how many are due,
 * and a deadline that is added and cancelled, beside a Set of all that each tick goes through. `node
 * bench/micro/deadlines.mjs`, and the same with `deno run -A` and `bun`, prints what {@link measure} says; the package must
 * be built.
 */

import { Deadlines } from "framewire/flate";
import { measure } from "./measure.mjs";

const tick = 100;
/** Later than any measurement gets: these exist, and are never due. */
const far = 1e10;
const spread = 60_000;

/** Time that stands still but for what is measured. */
class HandClock {
  #now = 0;
  #task = () => {};

  now() {
    return this.#now;
  }

  every(milliseconds, task) {
    this.#task = task;
    return () => {};
  }

  tick() {
    this.#now += tick;
    this.#task();
  }
}

/** All in one Set, as it is written where few are expected. */
class SetOfDeadlines {
  #clock;
  #entries = new Set();

  constructor(clock) {
    this.#clock = clock;
    clock.every(tick, () => this.#check());
  }

  after(milliseconds, task) {
    const entry = { at: this.#clock.now() + milliseconds, task };
    this.#entries.add(entry);
    return { cancel: () => this.#entries.delete(entry) };
  }

  #check() {
    const now = this.#clock.now();
    for (const entry of this.#entries) {
      if (entry.at > now) continue;
      this.#entries.delete(entry);
      entry.task();
    }
  }
}

/** Both ways, with so many deadlines of which none is due. */
function sides(existing, makeAct) {
  const ways = { framewire: Deadlines, "a Set of all": SetOfDeadlines };
  const made = Object.entries(ways).map(([name, Way]) => {
    const clock = new HandClock();
    const deadlines = new Way(clock);
    for (let i = 0; i < existing; i++) {
      deadlines.after(far + (i * spread) / existing, () => {
        throw new Error("never");
      });
    }
    return [name, makeAct(clock, deadlines)];
  });
  return Object.fromEntries(made);
}

let calls = 0;

function tickOf(existing, due) {
  return sides(existing, (clock, deadlines) => () => {
    for (let i = 0; i < due; i++) deadlines.after(i, () => void calls++);
    clock.tick();
  });
}

function addAndCancel(existing) {
  return sides(existing, (clock, deadlines) => () => {
    deadlines.after(10_000, () => {}).cancel();
  });
}

const counts = [1000, 10_000, 100_000];
const nameOf = (count) => count.toLocaleString("en").replace(",", " ");

await measure([
  ...counts.map((count) => [
    `a tick, ${nameOf(count)} deadlines, none due`,
    () => tickOf(count, 0),
  ]),
  ...counts.map((count) => [
    `a tick, ${nameOf(count)} deadlines, 100 more added and due`,
    () => tickOf(count, 100),
  ]),
  ...counts.map((count) => [
    `add and cancel a deadline, ${nameOf(count)} others`,
    () => addAndCancel(count),
  ]),
]);
if (calls < 0) throw new Error("never");
