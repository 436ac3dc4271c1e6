const linesPerSecond = 20;
const longestLine = 200;

/**
 * Makes functions that print lines with a name in front. They cut long lines, and print at most 20 lines a second, so that a
 * program that repeats an error does not hide the others.
 *
 * @param {string} name
 */
export function newLog(name) {
  let second = 0;
  let printed = 0;
  let leftOut = 0;
  let rest = "";

  /** @param {string} line */
  function log(line) {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      if (leftOut > 0) print(`(${leftOut} lines are left out)`);
      [second, printed, leftOut] = [now, 0, 0];
    }
    if (printed++ < linesPerSecond) print(line);
    else leftOut++;
  }

  /** @param {string} line */
  function print(line) {
    console.log(`${name.padEnd(8)} ${line.slice(0, longestLine)}`);
  }

  /** Prints the lines in what a program writes. @param {Uint8Array} chunk */
  function output(chunk) {
    const lines = (rest + String(chunk)).split("\n");
    rest = (lines.pop() ?? "").slice(0, longestLine);
    for (const line of lines) if (line.trim() !== "") log(line);
  }

  return { log, output };
}
