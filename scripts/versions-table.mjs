/**
 * The table of versions in docs/runtimes.md, between its two comments.
 */

const markers = /(<!-- versions: [^\n]*-->\n)[^]*?(<!-- \/versions -->)/;

const titles = { node: "Node", deno: "Deno", bun: "Bun" };

function cell(counts) {
  if (counts === undefined) return "not run";
  const { passed, failed, skipped, letIn, trouble } = counts;
  if (trouble !== undefined) return trouble;
  if (failed === 0) return `${passed} passed, ${skipped} skipped`;
  return `${failed} of ${passed + failed} fail${letIn > 0 ? `, ${letIn} let in` : ""}`;
}

function lineOf({ runtime, version, isSupported, trouble, tls, own, matrix }) {
  const title = `${titles[runtime]} ${version}`;
  if (trouble !== undefined) return [title, trouble, "", ""];
  if (!isSupported) return [title, "not supported", "", cell(tls)];
  return [title, cell(own), cell(matrix), cell(tls)];
}

/** Writes lines of cells, padded to columns. */
function aligned(lines) {
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const rule = widths.map((width) => "-".repeat(width));
  return [lines[0], rule, ...lines.slice(1)]
    .map((line) => `| ${line.map((text, at) => text.padEnd(widths[at])).join(" | ")} |`)
    .join("\n");
}

/** Gives a page with the table of what was seen; where `isTlsAlone`, it says why the suites were not run. */
export function withTable(page, rows, isTlsAlone) {
  if (!markers.test(page))
    throw new Error("docs/runtimes.md has no place for the table of versions");
  const table = aligned([["version", "suites", "matrix", "TLS table"], ...rows.map(lineOf)]);
  const note = isTlsAlone
    ? '\n\n"Not run": by `npm run versions -- --tls` the TLS table alone is played.'
    : "";
  return page.replace(markers, (_, begin, end) => `${begin}\n${table}${note}\n\n${end}`);
}
