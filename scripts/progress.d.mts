/** "50 s" or "3 min". */
export function showSeconds(seconds: number): string;

/** How much of a suite is left, while its files end one after the other. */
export class Progress {
  /** `last`: milliseconds of each file in the last run; `now`: milliseconds on any clock. */
  constructor(files: readonly string[], last: Readonly<Record<string, number>>, now: number);
  end(file: string): void;
  left(now: number): number | undefined;
  show(): string;
}
