/** The middle of some numbers, or undefined of none. */
export function median(numbers) {
  if (numbers.length === 0) return undefined;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The ratios of two series, round by round: machines have good and bad minutes, which both sides of a round share. */
export function ratios(numerators, denominators) {
  const pairs = numerators.map((numerator, round) => [numerator, denominators[round]]);
  const all = pairs.filter(([a, b]) => a !== undefined && b !== undefined).map(([a, b]) => a / b);
  return { median: median(all), least: Math.min(...all), most: Math.max(...all) };
}
