import process from "node:process";

/*
 * What is done when a run ends, also one that is cut short: so that it leaves no program and no folder behind. One listener does all
 * of it, because Node warns of more than ten.
 */

const tasks = new Set<() => void>();

process.on("exit", () => {
  for (const task of tasks) task();
});

/** Does something when this process exits. @returns What takes that back. */
export function atExit(task: () => void): () => void {
  tasks.add(task);
  return () => void tasks.delete(task);
}
