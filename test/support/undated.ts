import { expect } from "vitest";

/** The lines of an answer without its Date, which it must have once, of about now. */
export function undated(lines: readonly string[]): string[] {
  const dates = lines.filter((line) => line.startsWith("Date: "));
  expect(dates).toHaveLength(1);
  const date = dates[0]!.slice("Date: ".length);
  expect(date).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  expect(Math.abs(Date.now() - Date.parse(date))).toBeLessThan(60_000);
  return lines.filter((line) => line !== dates[0]);
}
