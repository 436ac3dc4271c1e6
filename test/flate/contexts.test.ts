import { describe, expect, it } from "vitest";
import { Deadlines } from "../../src/clock.ts";
import { Contexts, type ContextsOptions, type Entry } from "../../src/flate/contexts.ts";
import type { Context, Deflater, Engine, Inflater } from "../../src/flate/engine.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A context that writes down what is done to it. */
class NotedContext implements Deflater, Inflater {
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

describe("Contexts", () => {
  it("makes a context for each connection that keeps its window", () => {
    const { contexts, made, lines } = newContexts();
    contexts.opened();
    contexts.opened();
    const one = contexts.deflater(12, false);
    const other = contexts.deflater(12, false);
    expect(one).not.toBe(other);
    contexts.end(one);
    contexts.end(other);
    expect(contexts.deflater(12, false)).not.toBe(one);
    contexts.inflater(15, false);
    expect(made).toEqual([...Array(3).fill("deflater 12 3 5"), "inflater 15"]);
    expect([contexts.memory, lines]).toEqual([340, []]);
  });

  it("lends those of connections that keep none, message by message, and forgets the window between", () => {
    const { contexts, made, lines } = newContexts();
    contexts.opened();
    for (let round = 0; round < 3; round++) {
      const deflater = contexts.deflater(12, true);
      const inflater = contexts.inflater(12, true);
      const second = contexts.inflater(12, true);
      contexts.end(second);
      contexts.end(inflater);
      contexts.end(deflater);
    }
    contexts.end(contexts.deflater(9, true));
    expect(made).toEqual(["deflater 12 3 5", "inflater 12", "inflater 12", "deflater 9 3 5"]);
    expect(lines.slice(0, 3)).toEqual(["i3 reset", "i2 reset", "d1 reset"]);
    contexts.closed();
    expect(lines.slice(-4)).toEqual(["d1 close", "d4 close", "i3 close", "i2 close"]);
    expect(contexts.memory).toBe(0);
  });

  it("frees what is lent with the last connection, not before", () => {
    const { contexts, lines } = newContexts();
    contexts.opened();
    contexts.opened();
    contexts.end(contexts.deflater(12, true));
    contexts.closed();
    expect(lines).toEqual(["d1 reset"]);
    contexts.closed();
    expect(lines).toEqual(["d1 reset", "d1 close"]);
  });

  it("rests what was not used for longest where the memory is not enough, and takes it up again", () => {
    const { contexts, lines } = newContexts({ maxMemory: 250 });
    contexts.opened();
    const entries = [1, 2, 3].map(() => {
      const entry = contexts.deflater(12, false);
      contexts.end(entry);
      return entry;
    });
    expect([contexts.memory, lines]).toEqual([200, ["d1 rest"]]);
    contexts.begin(entries[1]!);
    contexts.end(entries[1]!);
    contexts.begin(entries[0]!);
    expect([contexts.memory, lines]).toEqual([200, ["d1 rest", "d3 rest"]]);
  });

  it("may fill its memory to the last byte", () => {
    const { contexts, lines } = newContexts({ maxMemory: 200 });
    contexts.opened();
    for (let count = 0; count < 2; count++) contexts.end(contexts.deflater(12, false));
    expect([contexts.memory, lines]).toEqual([200, []]);
    contexts.end(contexts.deflater(12, false));
    expect([contexts.memory, lines]).toEqual([200, ["d1 rest"]]);
  });

  it("goes past its limit rather than rest what is in a message", () => {
    const { contexts, lines } = newContexts({ maxMemory: 150 });
    contexts.opened();
    const one = contexts.deflater(12, false);
    const two = contexts.deflater(12, false);
    expect([contexts.memory, lines]).toEqual([200, []]);
    contexts.end(one);
    contexts.end(two);
    contexts.begin(two);
    expect(lines).toEqual([]);
    contexts.inflater(9, false);
    expect([contexts.memory, lines]).toEqual([140, ["d1 rest"]]);
  });

  it("rests what idles, and nothing that is used or in a message", () => {
    const { contexts, lines, clock } = newContexts();
    contexts.opened();
    const idle = contexts.deflater(12, false);
    const used = contexts.inflater(12, false);
    const atWork = contexts.deflater(12, false);
    contexts.end(idle);
    contexts.end(used);
    for (let time = 0; time < 3000; time += 300) {
      clock.advance(300);
      contexts.begin(used);
      contexts.end(used);
    }
    expect(lines).toEqual(["d1 rest"]);
    contexts.end(atWork);
    clock.advance(2000);
    expect(lines).toEqual(["d1 rest", "d3 rest", "i2 rest"]);
    expect([contexts.memory, clock.running]).toEqual([0, 0]);
    contexts.begin(idle);
    expect([contexts.memory, clock.running]).toEqual([100, 1]);
  });

  it("leaves what idles where no time-out is set", () => {
    const { contexts, lines, clock } = newContexts({ idleTimeout: Infinity });
    contexts.opened();
    contexts.end(contexts.deflater(12, false));
    expect(clock.running).toBe(0);
    expect(lines).toEqual([]);
  });

  it.each([
    [0, "first"],
    [1, "one in the middle"],
    [2, "last"],
  ])("counts no longer what is closed: entry %i, the %s", (index) => {
    const { contexts, lines, clock } = newContexts();
    contexts.opened();
    const entries: Entry<Context>[] = [1, 2, 3].map(() => contexts.deflater(12, false));
    const [closed] = entries.splice(index, 1);
    contexts.close(closed!);
    contexts.close(closed!);
    expect(contexts.memory).toBe(200);
    for (const entry of entries) contexts.end(entry);
    clock.advance(2000);
    expect(lines.slice(2).sort()).toEqual(
      entries.map(({ context }) => `${(context as NotedContext).name} rest`),
    );
    expect([contexts.memory, clock.running]).toEqual([0, 0]);
  });
});
