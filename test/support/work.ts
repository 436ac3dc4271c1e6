import { Session } from "node:inspector";

/*
 * How much work a call does, in numbers that are the same each time: how often each block of the sources runs, as the
 * runtime's own coverage counts it, and how many bytes, characters and elements native methods touch.
 *
 * Not seen: how long strings are that are concatenated or compared, and how far a regular expression goes back.
 *
 * Import this before what is to be counted: a function that has been compiled before is not.
 */

type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

/** What a call has touched; `self` is what it was called on. */
export type Cost = (self: unknown, args: readonly unknown[], result: unknown) => number;

/** Methods and their costs. */
export type Costs = Readonly<Record<string, Cost>>;

/** Bytes, characters or elements of a value. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  if ("length" in value) return Number(value.length);
  return "size" in value ? Number(value.size) : 0;
}

const sizesOf = (values: readonly unknown[]): number =>
  values.reduce<number>((sum, value) => sum + sizeOf(value), 0);

/** All that it has, is given and gives: too much for what ends early, never too little. */
const all: Cost = (self, args, result) => sizesOf([self, ...args, result]);
const ofResult: Cost = (_self, _args, result) => sizeOf(result);
const ofArguments: Cost = (_self, args) => sizesOf(args);
const one: Cost = () => 1;

/** From where a search began to where it ended. */
const searched: Cost = (self, [, from = 0], result) =>
  (Number(result) < 0 ? sizeOf(self) : Number(result) + 1) - Number(from);

/** What lies between the last two arguments. */
const range: Cost = (self, [, start = 0, end = sizeOf(self)]) => Number(end) - Number(start);

/** Methods that take the same time on whatever they are called. */
const constant = new Set([
  ...["constructor", "at", "pop", "charAt", "charCodeAt", "codePointAt", "subarray", "valueOf"],
  ...["entries", "keys", "values", "toString"],
]);

/** Every method of a prototype costs all, but for the constant ones and for exceptions. */
function everyMethod(prototype: object, exceptions: Costs): Costs {
  const methods = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => typeof value === "function" && !constant.has(name))
    .map(([name]) => [name, all] as const);
  return { ...Object.fromEntries(methods), ...exceptions };
}

const bytesPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

const inArrays = { slice: ofResult, indexOf: searched, fill: range, copyWithin: range };
const inStrings = { slice: ofResult, substring: ofResult, indexOf: searched };

/** Spread, destructuring and the constructors of collections ask an iterator, step by step. */
const iterators = [[].values(), ""[Symbol.iterator](), new Map().values(), new Set().values()];

const natives: readonly (readonly [owner: object, costs: Costs])[] = [
  [bytesPrototype, everyMethod(bytesPrototype, { ...inArrays, set: ofArguments })],
  [Array.prototype, everyMethod(Array.prototype, { ...inArrays, push: ofArguments })],
  [String.prototype, everyMethod(String.prototype, { ...inStrings, startsWith: ofArguments })],
  [RegExp.prototype, { test: all, exec: all }],
  [TextDecoder.prototype, { decode: all }],
  [TextEncoder.prototype, { encode: all, encodeInto: ofArguments }],
  ...iterators.map((each) => [Object.getPrototypeOf(each) as object, { next: one }] as const),
  [Object.getPrototypeOf(Uint8Array) as object, { from: all }],
  [Array, { from: all }],
  [Object, { assign: all, entries: all, fromEntries: all, keys: all, values: all }],
  [String, { fromCharCode: ofArguments }],
  [JSON, { parse: all, stringify: all }],
];

/** Puts counting methods in the places of native ones, while it counts. */
class NativeWork {
  units = 0;
  readonly #undo: (() => void)[] = [];
  /** The counting itself calls methods, too. */
  #isCounting = false;

  start(more: readonly (readonly [object, Costs])[]): void {
    for (const [owner, costs] of [...natives, ...more]) this.#replaceMethods(owner, costs);
    this.#replaceConstructor();
    this.#isCounting = true;
  }

  stop(): void {
    this.#isCounting = false;
    for (const undo of this.#undo) undo();
  }

  #replaceMethods(owner: object, costs: Costs): void {
    const methods = owner as Record<string, Method>;
    for (const [name, cost] of Object.entries(costs)) {
      const method = methods[name]!;
      // oxlint-disable-next-line typescript/no-this-alias -- `this` of the method is what it is called on
      const counter = this;
      methods[name] = function (...args) {
        const result = Reflect.apply(method, this, args);
        counter.#add(cost, this, args, result);
        return result;
      };
      this.#undo.push(() => {
        methods[name] = method;
      });
    }
  }

  /** An array of bytes is cleared, or filled, when it is made; a view of a buffer costs nothing. */
  #replaceConstructor(): void {
    const Bytes = Uint8Array;
    const Counting = new Proxy(Bytes, {
      construct: (_target, args: readonly unknown[], newTarget) => {
        const made = Reflect.construct(Bytes, args, newTarget) as Uint8Array;
        if (!(args[0] instanceof ArrayBuffer)) this.#add(ofResult, Bytes, args, made);
        return made;
      },
    });
    const put = (constructor: Uint8ArrayConstructor): void => {
      globalThis.Uint8Array = constructor;
      Object.defineProperty(Bytes.prototype, "constructor", { value: constructor });
    };
    put(Counting);
    this.#undo.push(() => {
      put(Bytes);
    });
  }

  #add(cost: Cost, self: unknown, args: readonly unknown[], result: unknown): void {
    if (!this.#isCounting) return;
    this.#isCounting = false;
    this.units += cost(self, args, result);
    this.#isCounting = true;
  }
}

/** What is counted: the package, and the deliberate work of the tests of this. */
const isCounted = /\/(?:src|adapters)\/|\/complexity\.test\.ts/;

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

const session = new Session();
session.connect();

function post(method: string, options = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, options, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(new Error(`${method} failed`, { cause: error }));
    });
  });
}

// It is never stopped, as a run with coverage has started it, too; such a run sees nothing of what is counted here.
await post("Profiler.enable");
await post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

/** How often blocks have run since the last call. */
async function takeBlocks(): Promise<number> {
  const { result } = (await post("Profiler.takePreciseCoverage")) as Coverage;
  return result
    .filter(({ url }) => isCounted.test(url))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}

/**
 * Counts the units of work of each of some calls, which must be done when they return. To ask the runtime for its counts takes
 * longer than many calls do: it is done once between two of them.
 *
 * @param more Other methods whose work does not show by blocks.
 */
export async function worksOf(
  calls: readonly (() => void)[],
  more: readonly (readonly [object, Costs])[] = [],
): Promise<number[]> {
  const works: number[] = [];
  await takeBlocks();
  for (const call of calls) {
    const native = new NativeWork();
    native.start(more);
    try {
      call();
    } finally {
      native.stop();
    }
    works.push(native.units + (await takeBlocks()));
  }
  return works;
}
