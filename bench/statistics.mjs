/** The middle of some numbers, or undefined of none. */
export function median(numbers) {
  if (numbers.length === 0) return undefined;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of those that are numbers, with the least and the most of them; undefined of none. */
export function spread(numbers) {
  const all = numbers.filter((number) => number !== undefined);
  if (all.length === 0) return undefined;
  return { median: median(all), least: Math.min(...all), most: Math.max(...all) };
}

/** The ratios of two series, round by round: machines have good and bad minutes, which both sides of a round share. */
export function ratios(numerators, denominators) {
  return spread(
    numerators.map((numerator, round) => {
      const denominator = denominators[round];
      if (numerator === undefined || denominator === undefined) return undefined;
      return numerator / denominator;
    }),
  );
}
