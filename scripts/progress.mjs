/**
 * How far a suite has come and how long it will still take, by what its files took the last time.
 */

/** "3 min", from seconds. */
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

  /** Seconds that are left, as long as all goes on as fast as up to now; undefined where no file is known. */
  left(now) {
    if (!this.#isKnown) return undefined;
    return ((this.#total - this.#done) / this.#done) * ((now - this.#start) / 1000);
  }

  /** "54 of 285 files". */
  show() {
    return `${this.#files} of ${this.#weights.size} files`;
  }
}
