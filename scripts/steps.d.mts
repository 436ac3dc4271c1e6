/** A step: what it is called, what it runs, and how far it is. */
export class Step {
  readonly name: string;
  readonly isOk: boolean | undefined;
  /** How long it took. */
  readonly seconds: number | undefined;
  /** `last`: seconds that it took the last time. `needed`: has to have ended before it begins, in whatever lane. */
  constructor(
    name: string,
    command: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    last?: number,
    needed?: Step,
  );
  run(): Promise<void>;
}

/** "3 of 6 done; node: 54 of 285 files; about 4 min left"; `now`: milliseconds since 1970. */
export function showProgress(lanes: readonly (readonly Step[])[], now: number): string;

/** Runs the steps of each lane one after the other, and the lanes side by side. */
export function runLanes(lanes: readonly (readonly Step[])[]): Promise<void>;
