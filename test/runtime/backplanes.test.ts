import { localBackplane } from "../../src/connection/backplane/backplane.ts";
import { describeBackplane } from "../support/backplane-suite.ts";

/** What holds over the backplane of one process, and over every other: test/runtime/redis.test.ts. */

const shared = localBackplane();

describeBackplane("localBackplane()", () => shared);
