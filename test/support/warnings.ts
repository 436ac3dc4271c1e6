import process from "node:process";

type Warning = Error & { readonly code?: string };

/** Warnings of the process that a test provokes: kept, and not printed, as the runtime itself would do. */
export interface KeptWarnings {
  readonly kept: readonly Warning[];
  /** Lets the runtime print those that follow. */
  stop(): void;
}

/** Keeps all warnings from now on. */
export function keepWarnings(): KeptWarnings {
  const kept: Warning[] = [];
  const keep = (warning: Warning): void => void kept.push(warning);
  const printing = process.listeners("warning");
  for (const listener of printing) process.off("warning", listener);
  process.on("warning", keep);
  return {
    kept,
    stop: () => {
      process.off("warning", keep);
      for (const listener of printing) process.on("warning", listener);
    },
  };
}
