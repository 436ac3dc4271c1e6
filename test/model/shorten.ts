import type { Action } from "./actions.ts";
import type { HandlerName, Scenario, Setup, SideSetup } from "./setup.ts";

/*
 * Makes a scenario that shows a fault shorter and plainer, as long as it shows the same fault.
 */

/** Plainer values of a number, a list, ... by its name; the first that still shows the fault is taken. */
const plainer: Readonly<Record<string, readonly unknown[]>> = {
  ...{ awaited: [false], noise: [false], compress: [true], text: [true], fails: [false] },
  ...{ way: ["plain"], how: ["receive"], count: [1], writer: [0], pace: [0], abortAfter: [0] },
  ...{ size: [1, 20, 200, 2000], turns: [0, 1], status: [1000], milliseconds: [100] },
  ...{ capacity: [Infinity], cut: [Infinity], delay: [0], seed: [0], failAt: [Infinity] },
  ...{ pingInterval: [Infinity], pongTimeout: [Infinity], idleTimeout: [Infinity] },
  ...{ maxLifetime: [Infinity], compression: [false], completes: ["early"], patient: ["nobody"] },
  ...{ takes: ["message"], reads: [["all"]], overflow: ["close"] },
  ...{ highWaterMark: [256 * 1024], receiveHighWaterMark: [64 * 1024] },
  ...{ maxBufferedAmount: [16 * 1024 ** 2], finish: ["close by client"] },
  ...{ bytes: ["own"], textAs: ["string"], pongs: ["library"], deliverAfterClose: [false] },
  ...{ slowReceivers: ["buffer"], maxTotalBufferedAmount: [Infinity], peer: ["library"] },
  ...{ told: [false], asBytes: [false] },
};

type Shows = (scenario: Scenario) => Promise<boolean>;

/** @param shows Tells whether a scenario shows the fault, and false when there is no time left. */
export async function shorten(scenario: Scenario, shows: Shows): Promise<Scenario> {
  let best = scenario;
  for (let isBetter = true; isBetter;) {
    const before = best;
    best = await fewer(best, shows);
    best = await plain(best, shows);
    isBetter = best !== before;
  }
  return best;
}

/** Leaves out actions: many at once, then fewer, then one by one. */
async function fewer(scenario: Scenario, shows: Shows): Promise<Scenario> {
  let best = scenario;
  for (let size = best.actions.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.actions.length;) {
      const actions = [...best.actions.slice(0, at), ...best.actions.slice(at + size)];
      const shorter = { ...best, actions };
      if (await shows(shorter)) best = shorter;
      else at += size;
    }
  }
  return best;
}

/** Tries everything that is plainer in one place. */
async function plain(scenario: Scenario, shows: Shows): Promise<Scenario> {
  let best = scenario;
  for (const make of variants(scenario)) {
    const candidate = make(best);
    if (candidate !== undefined && (await shows(candidate))) best = candidate;
  }
  return best;
}

type Variant = (scenario: Scenario) => Scenario | undefined;

function* variants({ actions, setup }: Scenario): Generator<Variant> {
  yield* fields(setup, (best, key, value) => ({ ...best, setup: { ...best.setup, [key]: value } }));
  for (const part of ["network", "times", "client", "server"] as const) {
    yield* fields(setup[part], (best, key, value) => {
      return { ...best, setup: withPart(best.setup, part, key, value) };
    });
  }
  for (const who of ["client", "server"] as const) {
    for (const name of Object.keys(setup[who].does) as HandlerName[]) {
      for (const behaviours of [["sync"], setup[who].does[name].slice(0, 1)] as const) {
        yield (best) => {
          const does = { ...best.setup[who].does, [name]: behaviours } as SideSetup["does"];
          const isSame = String(best.setup[who].does[name]) === String(behaviours);
          return isSame || String(best.setup[who].does[name]) === "sync"
            ? undefined
            : { ...best, setup: withPart(best.setup, who, "does", does) };
        };
      }
    }
    yield (best) => {
      const { reads } = best.setup[who];
      return reads.length === 1
        ? undefined
        : { ...best, setup: withPart(best.setup, who, "reads", reads.slice(0, 1)) };
    };
  }
  for (const index of actions.keys()) {
    yield* fields(actions[index]!, (best, key, value) => withAction(best, index, key, value));
    yield (best) => {
      const action = best.actions[index]!;
      return "pieces" in action && action.pieces.length > 0
        ? withAction(best, index, "pieces", action.pieces.slice(1))
        : undefined;
    };
  }
}

/** Gives the plainer values of each field, each with what puts it into its place. */
function* fields(
  of: object,
  put: (best: Scenario, key: string, value: unknown) => Scenario,
): Generator<Variant> {
  for (const [key, present] of Object.entries(of)) {
    const values = plainer[key] ?? [];
    const known = values.findIndex((value) => String(value) === String(present));
    // Those in front of the present value are plainer.
    for (const value of known === -1 ? values : values.slice(0, known)) {
      if (typeof value === "number" && key === "size" && value >= (present as number)) break;
      yield (best) => put(best, key, value);
    }
  }
}

function withPart(setup: Setup, part: keyof Setup, key: string, value: unknown): Setup {
  return { ...setup, [part]: { ...(setup[part] as object), [key]: value } };
}

function withAction(best: Scenario, index: number, key: string, value: unknown): Scenario {
  const actions = best.actions.map((action, at) =>
    at === index ? ({ ...action, [key]: value } as Action) : action,
  );
  return { ...best, actions };
}
