import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { PostgresClient } from "../../adapters/postgres/index.ts";
import { atExit } from "./at-exit.ts";
import { startBroker, type TestBroker } from "./broker.ts";

/** Debian has the programs of each version in a folder of its own, which is in nobody's PATH. */
const versions = "/usr/lib/postgresql";
const version = existsSync(versions) ? readdirSync(versions).at(-1) : undefined;
const program = (name: string): string =>
  version === undefined ? name : join(versions, version, "bin", name);

/** Whether there is a PostgreSQL to be started, and its client. In CI what is absent is a failure. */
export const hasPostgres: boolean =
  process.env["CI"] === "true" ||
  (existsSync("node_modules/pg") && spawnSync(program("postgres"), ["--version"]).status === 0);

/** A login that needs a password; all others of this machine are let in. */
export const guarded = "guarded";

/** A PostgreSQL, with the folder of its files. */
export interface TestPostgres extends TestBroker {
  /** Ends it for good. */
  remove(): Promise<void>;
}

/** Whether there is a pgbouncer to be started. In CI an absent one is a failure. */
export const hasPgbouncer: boolean =
  process.env["CI"] === "true" || spawnSync("pgbouncer", ["--version"]).status === 0;

/** Starts a pgbouncer in front of a PostgreSQL. @param mode How long a client keeps a connection. */
export async function startPgbouncer(
  port: number,
  mode: "session" | "transaction",
): Promise<TestBroker> {
  const folder = mkdtempSync(join(tmpdir(), "framewire-pgbouncer-"));
  chmodSync(folder, 0o755);
  const file = join(folder, "pgbouncer.ini");
  const users = join(folder, "users.txt");
  try {
    writeFileSync(users, '"tea" "secret"\n');
    return await startBroker((own) => {
      const settings = {
        listen_addr: "127.0.0.1",
        listen_port: own,
        unix_socket_dir: "",
        auth_type: "plain",
        auth_file: users,
        pool_mode: mode,
      };
      const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
      const database = `postgres = host=127.0.0.1 port=${port} user=tea`;
      writeFileSync(file, ["[databases]", database, "[pgbouncer]", ...lines].join("\n"));
      return asUser(["pgbouncer", file]);
    }, "process up");
  } finally {
    // It has read them.
    rmSync(folder, { recursive: true, force: true });
  }
}

/** PostgreSQL refuses to be run by root: Debian's package comes with a user for it. */
function asUser(command: readonly string[]): readonly string[] {
  if (process.getuid?.() !== 0) return command;
  return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command];
}

/** Starts a PostgreSQL on a port of its own. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "framewire-postgres-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  const forget = atExit(remove);
  if (process.getuid?.() === 0) {
    const [uid, gid] = ["-u", "-g"].map((of) => Number(execFileSync("id", [of, "postgres"])));
    chownSync(folder, uid!, gid!);
  }
  chmodSync(folder, 0o700);
  const data = join(folder, "data");
  const options = ["--no-sync", "--no-locale", "-E", "UTF8", "-U", "tea", "--auth", "trust"];
  const [initdb, ...args] = asUser([program("initdb"), "-D", data, ...options]) as [string];
  execFileSync(initdb, args, { stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(
    join(data, "pg_hba.conf"),
    `host all ${guarded} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`,
  );
  const settings = ["-F", "-h", "127.0.0.1", "-k", folder];
  const broker = await startBroker(
    (port) => asUser([program("postgres"), "-D", data, "-p", String(port), ...settings]),
    "ready to accept connections",
  );
  return {
    ...broker,
    async remove() {
      await broker.kill();
      remove();
      forget();
    },
  };
}

/** Gives what makes clients: tests that need no PostgreSQL do without the package. */
export async function postgresClients(
  port: number,
  more: object = {},
): Promise<() => PostgresClient> {
  const name = "pg";
  const module = (await import(/* @vite-ignore */ name)) as {
    default: { Client: new (options: object) => PostgresClient };
  };
  const { Client } = module.default;
  const options = { host: "127.0.0.1", port, user: "tea", database: "postgres", ...more };
  return () => new Client(options);
}
