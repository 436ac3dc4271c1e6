/** Lets all microtasks run, and what is due in the event loop. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
