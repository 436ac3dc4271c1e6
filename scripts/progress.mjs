/**
 * A reporter of vitest that says, now and then, how far a suite has come and how long it will still take, by what its files
 * took the last time.
 */

import { relative } from "node:path";
import process from "node:process";

/** Milliseconds between two lines at the least. */
const interval = 15_000;

/** "about 3 min", from seconds. */
export function showSeconds(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds / 10) * 10} s` : `${Math.round(seconds / 60)} min`;
}

/** How much of a suite is left, while its files end one after the other. */
export class Progress {
  #weights = new Map();
  #total = 0;
  #done = 0;
  #files = 0;
  #isKnown = false;
  #start;

  /**
   * @param files Their names.
   * @param last Milliseconds of each in the last run, as far as they are known; others count as the mean of these.
   */
  constructor(files, last, now) {
    const known = files.map((file) => last[file]).filter((time) => time !== undefined);
    const mean = known.reduce((sum, time) => sum + time, 0) / known.length;
    this.#isKnown = known.length > 0;
    for (const file of files) this.#weights.set(file, last[file] ?? (mean || 1));
    this.#total = this.#sum();
    this.#start = now;
  }

  #sum() {
    return [...this.#weights.values()].reduce((sum, weight) => sum + weight, 0);
  }

  /** A file has ended. */
  end(file) {
    this.#done += this.#weights.get(file) ?? 0;
    this.#files++;
  }

  /** Seconds that are left, as long as all goes on as fast as up to now. */
  left(now) {
    return ((this.#total - this.#done) / this.#done) * ((now - this.#start) / 1000);
  }

  /** How many files are done; and how long it will take, unless nothing is known: the largest ones come first. */
  show(now, later = 0) {
    const files = `${this.#files} of ${this.#weights.size} files`;
    return this.#isKnown ? `${files}, about ${showSeconds(this.left(now) + later)} left` : files;
  }
}

/** What `npm test` tells it: the suite's name, seconds of what comes behind it, and times of files in the last run. */
const told = JSON.parse(process.env.FRAMEWIRE_PROGRESS ?? "{}");

export default class ProgressReporter {
  #progress;
  #shown = Date.now();

  onTestRunStart(specifications) {
    const files = specifications.map(({ moduleId }) => relative(process.cwd(), moduleId));
    this.#progress = new Progress(files, told.files ?? {}, Date.now());
  }

  onTestModuleEnd({ moduleId }) {
    this.#progress.end(relative(process.cwd(), moduleId));
    const now = Date.now();
    if (now - this.#shown < interval) return;
    this.#shown = now;
    console.log(`--- ${told.name}: ${this.#progress.show(now, told.later)}`);
  }
}
