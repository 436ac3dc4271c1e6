/**
 * A reporter of vitest that tells `npm test`, line by line, how far a suite has come and which tests have failed. The lines
 * begin with a mark, by which scripts/steps.mjs takes them out of what is shown.
 */

import { relative } from "node:path";
import process from "node:process";
import { Progress } from "./progress.mjs";

/** What each line begins with that is not for people. */
export const mark = "@progress ";

/** Milliseconds of each file in the last run, as `npm test` says. */
const last = JSON.parse(process.env.FRAMEWIRE_PROGRESS ?? "{}");

function tell(what) {
  console.log(mark + JSON.stringify(what));
}

const fileOf = ({ moduleId }) => relative(process.cwd(), moduleId);

export default class ProgressReporter {
  #progress;

  onTestRunStart(specifications) {
    this.#progress = new Progress(specifications.map(fileOf), last, Date.now());
  }

  onTestCaseResult(test) {
    if (test.result().state === "failed") {
      tell({ failed: `${fileOf(test.module)}: ${test.fullName}` });
    }
  }

  onTestModuleEnd(module) {
    this.#progress.end(fileOf(module));
    tell({ files: this.#progress.show(), left: this.#progress.left(Date.now()) });
  }
}
