/**
 * The table of versions in docs/runtimes.md, between its two comments.
 */

const markers = /(<!-- versions: [^\n]*-->\n)[^]*?(<!-- \/versions -->)/;

const titles = { node: "Node", deno: "Deno", bun: "Bun" };

function cell(counts) {
  if (counts === undefined) return "does not run";
  const { passed, failed, skipped } = counts;
  return failed === 0
    ? `${passed} passed, ${skipped} skipped`
    : `${failed} of ${passed + failed} fail`;
}

/** Writes lines of cells as prettier has them. */
function aligned(lines) {
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const rule = widths.map((width) => "-".repeat(width));
  return [lines[0], rule, ...lines.slice(1)]
    .map((line) => `| ${line.map((text, at) => text.padEnd(widths[at])).join(" | ")} |`)
    .join("\n");
}

/** Gives a page with the table of what was seen; `rows` as versions.mjs makes them, `isTlsAlone` without suites. */
export function withTable(page, rows, isTlsAlone) {
  if (!markers.test(page))
    throw new Error("docs/runtimes.md has no place for the table of versions");
  const lines = rows.map(({ runtime, version, isSupported, tls, own, matrix }) => [
    `${titles[runtime]} ${version}`,
    !isSupported ? "not supported" : isTlsAlone ? "not run" : cell(own),
    !isSupported ? "" : isTlsAlone ? "not run" : cell(matrix),
    cell(tls),
  ]);
  const table = aligned([["version", "suites", "matrix", "TLS table"], ...lines]);
  return page.replace(markers, (_, begin, end) => `${begin}\n${table}\n\n${end}`);
}
