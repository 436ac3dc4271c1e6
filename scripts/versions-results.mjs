/**
 * What `npm run versions` makes of what it has seen: counts, or a word for why there are none.
 */

/** Counts a report of vitest's. A file that fails before its first test is a failure, and so is a run that fails as a whole. */
export function countReport({ testResults, numPassedTests, numPendingTests }, status) {
  const failures = [];
  for (const { name, status: ended, assertionResults } of testResults) {
    for (const one of assertionResults) if (one.status === "failed") failures.push(one.fullName);
    if (ended === "failed" && assertionResults.length === 0) failures.push(name);
  }
  if (failures.length === 0 && status !== 0) failures.push(`exit code ${status}`);
  return { passed: numPassedTests, failed: failures.length, skipped: numPendingTests, failures };
}

/** Counts what the table of TLS cases has printed; undefined where it did not come to its end. */
export function countTls(stdout) {
  const lines = stdout.trim().split("\n");
  try {
    const counts = JSON.parse(lines.at(-1));
    if (counts.passed === undefined) return undefined;
    return { ...counts, failures: lines.filter((line) => line.startsWith('{"way"')) };
  } catch {
    return undefined;
  }
}

/** Tells whether a version that framewire is for has failed, or an older one has let in whom it had to refuse. */
export function isBad({ isSupported, trouble, tls, own, matrix }) {
  if (!isSupported) return tls?.letIn > 0;
  if (trouble !== undefined) return true;
  // What was not run is undefined.
  const counts = [tls, own, matrix].filter((one) => one !== undefined);
  return counts.some((one) => one.trouble !== undefined || one.failed > 0);
}

/**
 * Gives the line that a version begins with: where it stands in the list, and how long the rest takes by what has been.
 *
 * @param weights How much work each of the versions is.
 * @param elapsed Milliseconds since the first one began.
 */
export function headline(title, at, weights, elapsed) {
  const sum = (list) => list.reduce((total, one) => total + one, 0);
  const done = sum(weights.slice(0, at));
  const left = (elapsed / done) * sum(weights.slice(at));
  const times = done === 0 ? "" : `: ${timeOf(elapsed)} so far, about ${timeOf(left)} to go`;
  return `[${at + 1}/${weights.length}] ${title}${times}`;
}

/** Writes milliseconds as "40 s" or "3 min". */
export function timeOf(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
