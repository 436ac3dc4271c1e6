/** What Node's `gc` takes. */
type Collect = (options?: { type: "minor" }) => void;

/** How many make a batch, and how many of it are there at a time. */
const batch = 1000;
const atATime = 32;

/**
 * Gives the bytes of the heap that small collections leave for each that has come and gone. V8 alone is like that, and only
 * Node lets a test ask for a small collection.
 *
 * @param replace Lets the one at a place go, if there is one, and makes another: places are 0 to 31.
 */
export function leftOverEach(replace: (place: number) => void): number {
  const collect = (globalThis as unknown as { gc: Collect }).gc;
  const churn = () => {
    for (let i = 0; i < batch; i++) replace(i % atATime);
    // Those that are there at a collection may get into the old generation, too.
    collect({ type: "minor" });
    collect({ type: "minor" });
  };
  const batches = 4;
  churn();
  // What is there by now gets into the old generation, as in a program that has run for a while.
  collect();
  collect();
  // Such a collection throws away much of what V8 has compiled and learnt: it comes back with the next batch, and is nobody's.
  churn();
  const before = process.memoryUsage().heapUsed;
  for (let done = 0; done < batches; done++) churn();
  return (process.memoryUsage().heapUsed - before) / (batches * batch);
}
