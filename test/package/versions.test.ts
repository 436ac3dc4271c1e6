import { describe, expect, it } from "vitest";
import { countReport, countTls, headline, isBad, timeOf } from "../../scripts/versions-results.mjs";
import { withTable } from "../../scripts/versions-table.mjs";

/** What `npm run versions` makes of what it sees; that it runs is for whoever runs it. */

const green = { passed: 2, failed: 0, skipped: 1 };
const red = { passed: 1, failed: 1, skipped: 0 };

describe("a report of vitest's", () => {
  const file = (status: string, ...tests: string[]): object => ({
    name: "a.test.ts",
    status,
    assertionResults: tests.map((one) => ({ status: one, fullName: `a ${one}` })),
  });
  const report = (...testResults: object[]): object => ({
    testResults,
    numPassedTests: 2,
    numPendingTests: 1,
  });

  it("counts tests that fail, by name", () => {
    expect(countReport(report(file("failed", "passed", "failed")), 1)).toEqual({
      ...{ passed: 2, failed: 1, skipped: 1 },
      failures: ["a failed"],
    });
  });

  it("counts a file that fails before its first test", () => {
    expect(countReport(report(file("passed", "passed"), file("failed")), 1)).toMatchObject({
      failed: 1,
      failures: ["a.test.ts"],
    });
  });

  it.each([1, null])("counts a run that ends with %s and no failed test", (status) => {
    expect(countReport(report(file("passed", "passed")), status)).toMatchObject({
      failed: 1,
      failures: [`exit code ${status}`],
    });
    expect(countReport(report(file("passed", "passed")), 0)).toMatchObject({ failed: 0 });
  });
});

describe("what the table of TLS cases prints", () => {
  const failure = '{"way":"connect()","name":"an address"}';

  it("is the counts, after the rows that fail", () => {
    expect(countTls(`${failure}\n{"passed":1,"failed":1,"skipped":0,"letIn":0}\n`)).toEqual({
      ...{ passed: 1, failed: 1, skipped: 0, letIn: 0 },
      failures: [failure],
    });
  });

  it.each(["", "Segmentation fault", failure, `${failure}\nTypeError`])(
    "is nothing if it broke off: %j",
    (stdout) => {
      expect(countTls(stdout)).toBeUndefined();
    },
  );
});

describe("a version", () => {
  const version = { runtime: "node", version: "20.19.0", isSupported: true };

  it.each([
    [{ tls: green }, false],
    [{ tls: green, own: green, matrix: green }, false],
    [{ tls: red }, true],
    [{ tls: green, own: red }, true],
    [{ tls: green, own: green, matrix: { trouble: "does not run" } }, true],
    [{ trouble: "not to be had" }, true],
  ])("counts, if framewire supports it, with %j as failed: %s", (seen, failed) => {
    expect(isBad({ ...version, ...seen })).toBe(failed);
  });

  it.each([
    [{ tls: { ...red, letIn: 0 } }, false],
    [{ tls: { trouble: "does not run" } }, false],
    [{ trouble: "not to be had" }, false],
    [{ tls: { ...red, letIn: 1 } }, true],
  ])("counts, if framewire does not support it, with %j as failed: %s", (seen, failed) => {
    expect(isBad({ ...version, isSupported: false, ...seen })).toBe(failed);
  });

  it("says how long the others will take, once one is done", () => {
    expect(headline("node 24", 0, [30, 30, 1], 0)).toBe("[1/3] node 24");
    expect(headline("bun 1.4.5", 1, [30, 30, 1], 300_000)).toBe(
      "[2/3] bun 1.4.5: 5 min so far, about 5 min to go",
    );
    expect(headline("bun 1.3.9", 2, [30, 30, 1], 600_000)).toBe(
      "[3/3] bun 1.3.9: 10 min so far, about 10 s to go",
    );
    expect(timeOf(119_400)).toBe("119 s");
    expect(timeOf(119_600)).toBe("2 min");
  });
});

describe("the table of versions", () => {
  const page = "before\n<!-- versions: here -->\nold\n<!-- /versions -->\nbehind\n";
  const node = { runtime: "node", version: "20.19.0", isSupported: true };
  const rows = [
    { ...node, tls: green, own: red, matrix: { trouble: "over 15 min" } },
    { ...node, version: "99", trouble: "not to be had" },
    { runtime: "bun", version: "1.2.0", isSupported: false, tls: { ...red, letIn: 1 } },
  ];

  it("has a line for each, and leaves the rest of the page as it is", () => {
    expect(withTable(page, rows, false)).toBe(`before
<!-- versions: here -->

| version      | suites        | matrix      | TLS table             |
| ------------ | ------------- | ----------- | --------------------- |
| Node 20.19.0 | 1 of 2 fail   | over 15 min | 2 passed, 1 skipped   |
| Node 99      | not to be had |             |                       |
| Bun 1.2.0    | not supported |             | 1 of 2 fail, 1 let in |

<!-- /versions -->
behind
`);
  });

  it("says of suites that were not run why", () => {
    const written = withTable(page, [{ ...node, tls: green }], true);
    expect(written).toContain("| Node 20.19.0 | not run | not run | 2 passed, 1 skipped |\n");
    expect(written).toContain('"Not run": by `npm run versions -- --tls`');
    expect(withTable(withTable(page, rows, true), rows, false)).toBe(withTable(page, rows, false));
  });

  it("requires its place in the page", () => {
    expect(() => withTable("page", rows, false)).toThrow(/no place/);
  });
});
