import { localBackplane } from "../../src/connection/backplane/local.ts";
import { describeBackplane } from "../support/backplane-suite.ts";
import { describeHistory } from "../support/history-suite.ts";

/** What holds over the backplane of one process, and over every other: test/runtime/redis.test.ts. */

const shared = localBackplane();
const withHistory = localBackplane({ history: 500 });
const withHistoryOfOthers = localBackplane({ history: 500, keeps: (topic) => topic === "other" });

describeBackplane("localBackplane()", () => shared);
describeBackplane("topics without a history", () => withHistoryOfOthers);
describeHistory("localBackplane()", () => withHistory);
