/**
 * `npm run -s autobahn:report -- <reports/index.json> ...`: compares reports of Autobahn with expected.json, and fails
 * where a case is missing, or its verdict is another one. "NON-STRICT" is another one.
 */

import { readFileSync } from "node:fs";

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("usage: npm run -s autobahn:report -- <reports/index.json> ...");
  process.exit(2);
}

const expected = JSON.parse(readFileSync(new URL("expected.json", import.meta.url), "utf8"));

/** What is wrong with one agent's results. */
function check(results) {
  const wrong = [];
  const cases = Object.entries(results);
  if (cases.length !== expected.cases) {
    wrong.push(`${cases.length} cases, and not ${expected.cases}`);
  }
  for (const [id, { behavior, behaviorClose }] of cases) {
    const verdict = expected.informational.includes(id) ? "INFORMATIONAL" : "OK";
    if (behavior !== verdict) wrong.push(`${id}: ${behavior}`);
    // How a case of its own kind is closed is not judged.
    if (verdict === "OK" && behaviorClose !== "OK") wrong.push(`${id}: close ${behaviorClose}`);
  }
  return wrong;
}

let failed = 0;
let agents = 0;
for (const path of paths) {
  for (const [agent, results] of Object.entries(JSON.parse(readFileSync(path, "utf8")))) {
    agents++;
    const wrong = check(results);
    if (wrong.length > 0) failed++;
    console.log(`${agent}: ${wrong.length === 0 ? "as expected" : wrong.join(", ")}`);
  }
}
if (agents === 0) console.log("no agent in the report");
process.exitCode = failed > 0 || agents === 0 ? 1 : 0;
