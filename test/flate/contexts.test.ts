import { describe, expect, it } from "vitest";
import { Deadlines } from "../../src/clock.ts";
import { Contexts, type ContextsOptions, type PooledContext } from "../../src/flate/contexts.ts";
import type { Context, Deflater, Engine, Inflater } from "../../src/flate/engine.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A context that writes down what is done to it. */
class NotedContext implements Deflater, Inflater {
  /** What is said between the pieces of a message. */
  canRest: boolean | undefined;
  readonly name: string;
  readonly memory: number;
  readonly lines: string[];

  constructor(name: string, memory: number, lines: string[]) {
    this.name = name;
    this.memory = memory;
    this.lines = lines;
  }

  deflate(): boolean {
    return true;
  }

  inflate(): boolean {
    return true;
  }

  goOn(): boolean {
    return true;
  }

  whenReady(): void {}

  reset(): void {
    this.lines.push(`${this.name} reset`);
  }

  rest(): void {
    this.lines.push(`${this.name} rest`);
  }

  close(): void {
    this.lines.push(`${this.name} close`);
  }
}

function newContexts(options: Partial<ContextsOptions> = {}) {
  const lines: string[] = [];
  const made: string[] = [];
  let count = 0;
  const engine: Engine = {
    newDeflater(settings) {
      made.push(`deflater ${settings.windowBits} ${settings.level} ${settings.memLevel}`);
      return new NotedContext(`d${++count}`, 100, lines);
    },
    newInflater(settings) {
      made.push(`inflater ${settings.windowBits}`);
      return new NotedContext(`i${++count}`, 40, lines);
    },
  };
  const clock = new FakeClock();
  const contexts = new Contexts({
    engine,
    level: 3,
    memLevel: 5,
    maxMemory: Infinity,
    idleTimeout: 1000,
    deadlines: new Deadlines(clock),
    ...options,
  });
  return { contexts, lines, made, clock };
}

/** Takes a whole message through a context. */
function message(contexts: Contexts, entry: PooledContext<Context>): void {
  contexts.use(entry);
  contexts.end(entry);
}

/** Begins a message, and leaves it there. */
function begin(contexts: Contexts, entry: PooledContext<Context>, canRest?: boolean): void {
  (entry.context as NotedContext).canRest = canRest;
  contexts.use(entry);
}

describe("Contexts", () => {
  it("makes a context for each connection that keeps its window", () => {
    const { contexts, made, lines } = newContexts();
    contexts.opened();
    contexts.opened();
    const one = contexts.deflater(12, false);
    const other = contexts.deflater(12, false);
    expect(one).not.toBe(other);
    message(contexts, one);
    message(contexts, other);
    const third = contexts.deflater(12, false);
    expect(third).not.toBe(one);
    message(contexts, third);
    message(contexts, contexts.inflater(15, false));
    expect(made).toEqual([...Array(3).fill("deflater 12 3 5"), "inflater 15"]);
    expect([contexts.memory, lines]).toEqual([340, []]);
  });

  it("lends shared contexts to connections that keep no window, message by message, and forgets the window in between", () => {
    const { contexts, made, lines } = newContexts();
    contexts.opened();
    for (let round = 0; round < 3; round++) {
      const first = contexts.inflater(12, true);
      const second = contexts.inflater(12, true);
      const deflater = contexts.deflater(12, true);
      for (const entry of [first, second, deflater]) contexts.use(entry);
      contexts.end(second);
      contexts.end(first);
      contexts.end(deflater);
    }
    message(contexts, contexts.deflater(9, true));
    expect(made).toEqual(["inflater 12", "inflater 12", "deflater 12 3 5", "deflater 9 3 5"]);
    expect(lines.slice(0, 3)).toEqual(["i2 reset", "i1 reset", "d3 reset"]);
    contexts.closed();
    expect(lines.slice(-4)).toEqual(["d3 close", "d4 close", "i2 close", "i1 close"]);
    expect(contexts.memory).toBe(0);
  });

  it("keeps no more shared contexts than are usually used together, however many messages stood still", () => {
    const { contexts, lines } = newContexts();
    contexts.opened();
    const entries = Array.from({ length: 100 }, () => contexts.inflater(12, true));
    for (const entry of entries) contexts.use(entry);
    for (const entry of entries) contexts.end(entry);
    expect(lines.filter((line) => line.endsWith("reset"))).toHaveLength(64);
    expect(lines.filter((line) => line.endsWith("close"))).toHaveLength(36);
    expect(contexts.memory).toBe(64 * 40);
  });

  it("frees shared contexts with the last connection, not before", () => {
    const { contexts, lines, clock } = newContexts();
    contexts.opened();
    contexts.opened();
    message(contexts, contexts.deflater(12, true));
    contexts.closed();
    expect(lines).toEqual(["d1 reset"]);
    contexts.closed();
    expect(lines).toEqual(["d1 reset", "d1 close"]);
    expect(clock.running).toBe(0);
  });

  it("has nothing to free if nothing was used", () => {
    const { contexts, lines } = newContexts();
    contexts.opened();
    contexts.closed();
    expect([contexts.memory, lines]).toEqual([0, []]);
  });

  it("rests the context that was unused for longest if memory is short, and takes it up again", () => {
    const { contexts, lines } = newContexts({ maxMemory: 250 });
    contexts.opened();
    const entries = [1, 2, 3].map(() => {
      const entry = contexts.deflater(12, false);
      message(contexts, entry);
      return entry;
    });
    expect([contexts.memory, lines]).toEqual([200, ["d1 rest"]]);
    message(contexts, entries[1]!);
    contexts.use(entries[0]!);
    expect([contexts.memory, lines]).toEqual([200, ["d1 rest", "d3 rest"]]);
  });

  it("may fill its memory to the last byte", () => {
    const { contexts, lines } = newContexts({ maxMemory: 200 });
    contexts.opened();
    for (let count = 0; count < 2; count++) message(contexts, contexts.deflater(12, false));
    expect([contexts.memory, lines]).toEqual([200, []]);
    message(contexts, contexts.deflater(12, false));
    expect([contexts.memory, lines]).toEqual([200, ["d1 rest"]]);
  });

  it("keeps only the context in use if even that is too much", () => {
    const { contexts, lines } = newContexts({ maxMemory: 1 });
    contexts.opened();
    const deflater = contexts.deflater(12, false);
    const inflater = contexts.inflater(12, false);
    for (let round = 0; round < 2; round++) {
      message(contexts, deflater);
      expect(contexts.memory).toBe(100);
      message(contexts, inflater);
      expect(contexts.memory).toBe(40);
    }
    expect(lines).toEqual(["d1 rest", "i2 rest", "d1 rest"]);
  });

  it("rests a context in the middle of a message if possible, and before one that was used later", () => {
    const { contexts, lines } = newContexts({ maxMemory: 240 });
    contexts.opened();
    const busy = contexts.deflater(12, false);
    message(contexts, busy);
    for (let count = 0; count < 1000; count++) {
      begin(contexts, contexts.inflater(12, false), true);
      expect(contexts.memory).toBeLessThanOrEqual(240);
      message(contexts, busy);
    }
    expect(lines).toEqual(Array.from({ length: 997 }, (_, i) => `i${i + 2} rest`));
  });

  it("continues a message that was rested in the middle", () => {
    const { contexts, lines } = newContexts({ maxMemory: 100 });
    contexts.opened();
    const entry = contexts.inflater(12, false);
    begin(contexts, entry, true);
    message(contexts, contexts.deflater(12, false));
    expect([contexts.memory, lines]).toEqual([100, ["i1 rest"]]);
    message(contexts, entry);
    expect([contexts.memory, lines]).toEqual([40, ["i1 rest", "d2 rest"]]);
  });

  it.each([false, undefined])(
    "does not rest a context in a message that cannot rest: canRest %s",
    (no) => {
      const { contexts, lines, clock } = newContexts({ maxMemory: 150 });
      contexts.opened();
      const one = contexts.deflater(12, false);
      const two = contexts.deflater(12, false);
      begin(contexts, one, no);
      begin(contexts, two, no);
      clock.advance(10_000);
      expect([contexts.memory, lines]).toEqual([200, []]);
      // It goes on, and ends: from then on it may be rested.
      begin(contexts, one, no);
      contexts.end(one);
      expect([contexts.memory, lines]).toEqual([200, []]);
      message(contexts, contexts.inflater(12, false));
      expect([contexts.memory, lines]).toEqual([140, ["d1 rest"]]);
      clock.advance(10_000);
      expect([contexts.memory, lines]).toEqual([100, ["d1 rest", "i3 rest"]]);
      contexts.closeContext(two);
      expect(contexts.memory).toBe(0);
    },
  );

  it("leaves half of the memory to others, however many contexts cannot be rested", () => {
    const { contexts, lines } = newContexts({ maxMemory: 480 });
    contexts.opened();
    const busy = [1, 2].map(() => contexts.deflater(12, false));
    const stuck = Array.from({ length: 50 }, () => contexts.inflater(12, false));
    for (const entry of stuck) {
      begin(contexts, entry);
      for (const each of busy) message(contexts, each);
    }
    expect(contexts.memory).toBe(50 * 40 + 200);
    expect(lines).toEqual([]);
  });

  it("asks one context for each step, however many there are", () => {
    const { contexts } = newContexts({ maxMemory: 4000 });
    contexts.opened();
    let asked = 0;
    const watch = (entry: PooledContext<Context>, canRest: boolean): PooledContext<Context> => {
      Object.defineProperty(entry.context, "canRest", { get: () => (asked++, canRest) });
      return entry;
    };
    for (let count = 0; count < 2000; count++) {
      contexts.use(watch(contexts.inflater(12, false), count % 2 === 0));
    }
    const busy = [1, 2, 3].map(() => watch(contexts.deflater(12, false), true));
    for (let count = 0; count < 1000; count++) {
      for (const entry of busy) message(contexts, entry);
    }
    // Each of them once, when it came to the front.
    expect(asked).toBeLessThanOrEqual(2000);
  });

  it("rests idle contexts, in a message or not, and none in use", () => {
    const { contexts, lines, clock } = newContexts();
    contexts.opened();
    const idle = contexts.deflater(12, false);
    const used = contexts.inflater(12, false);
    const stuck = contexts.deflater(12, false);
    const stands = contexts.inflater(12, false);
    message(contexts, idle);
    message(contexts, used);
    begin(contexts, stuck);
    begin(contexts, stands, true);
    for (let time = 0; time < 3000; time += 300) {
      clock.advance(300);
      message(contexts, used);
    }
    expect(lines).toEqual(["d1 rest", "i4 rest"]);
    contexts.end(stuck);
    clock.advance(2000);
    expect(lines).toEqual(["d1 rest", "i4 rest", "i2 rest", "d3 rest"]);
    expect([contexts.memory, clock.running]).toEqual([0, 0]);
    message(contexts, idle);
    expect([contexts.memory, clock.running]).toEqual([100, 1]);
  });

  it("keeps looking for idle contexts after there was none for a while", () => {
    const { contexts, lines, clock } = newContexts();
    contexts.opened();
    const entry = contexts.deflater(12, false);
    begin(contexts, entry);
    clock.advance(5000);
    expect([contexts.memory, clock.running]).toEqual([100, 0]);
    contexts.end(entry);
    clock.advance(5000);
    expect([contexts.memory, lines]).toEqual([0, ["d1 rest"]]);
  });

  it("keeps idle contexts if no time-out is set", () => {
    const { contexts, lines, clock } = newContexts({ idleTimeout: Infinity });
    contexts.opened();
    message(contexts, contexts.deflater(12, false));
    expect(clock.running).toBe(0);
    expect(lines).toEqual([]);
  });

  it.each([
    [0, "first"],
    [1, "one in the middle"],
    [2, "last"],
  ])("does not count closed contexts any more: entry %i, the %s", (index) => {
    for (const isAtWork of [false, true]) {
      const { contexts, lines, clock } = newContexts();
      contexts.opened();
      const entries: PooledContext<Context>[] = [1, 2, 3].map(() => contexts.deflater(12, false));
      for (const entry of entries) {
        if (isAtWork) contexts.use(entry);
        else message(contexts, entry);
      }
      const [closed] = entries.splice(index, 1);
      contexts.closeContext(closed!);
      contexts.closeContext(closed!);
      expect(contexts.memory).toBe(200);
      if (isAtWork) for (const entry of entries) contexts.end(entry);
      clock.advance(2000);
      expect(lines.slice(2).sort()).toEqual(
        entries.map(({ context }) => `${(context as NotedContext).name} rest`),
      );
      expect([contexts.memory, clock.running]).toEqual([0, 0]);
    }
  });
});
