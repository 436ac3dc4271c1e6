/**
 * Programs of other languages that have to be compiled first: each once in a run, into a folder of their own.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** What starts a program, without the arguments that are its own. */
export type Command = readonly [program: string, ...args: string[]];

const goProgram = "/usr/bin/go";
const gorillaSource = "/usr/share/gocode/src/github.com/gorilla/websocket";
const javaProgram = "/usr/bin/java";
const javaCompiler = "/usr/bin/javac";
/** Tomcat as far as it is needed, which has no one file for it. */
const tomcatJars = [
  "annotations-api",
  "api",
  "catalina",
  "coyote",
  "jaspic-api",
  "jni",
  "juli",
  "servlet-api",
  "util",
  "util-scan",
  "websocket",
  "websocket-api",
  "websocket-client-api",
].map((name) => `/usr/share/java/tomcat10-${name}.jar`);
const cCompiler = "/usr/bin/gcc";
const libwebsocketsHeader = "/usr/include/libwebsockets.h";

/** Why a Go program with gorilla's library cannot be built here; undefined where it can. */
export function missingGo(): string | undefined {
  return missingFile(goProgram, gorillaSource);
}

/** Likewise a Java program. */
export function missingJava(): string | undefined {
  return missingFile(javaProgram, javaCompiler);
}

/** Likewise a Java program with Tomcat. */
export function missingTomcat(): string | undefined {
  return missingFile(javaProgram, javaCompiler, ...tomcatJars);
}

/** Likewise a C program with libwebsockets. */
export function missingLibwebsockets(): string | undefined {
  return missingFile(cCompiler, libwebsocketsHeader);
}

function missingFile(...paths: string[]): string | undefined {
  const missing = paths.find((path) => !existsSync(path));
  return missing === undefined ? undefined : `there is no ${missing}`;
}

const folder = mkdtempSync(join(tmpdir(), "framewire-interop-"));
const builds = new Map<string, Promise<Command>>();
const executeFile = promisify(execFile);

/**
 * Compiles a program, unless that has been done.
 *
 * @param name Its file below test/interop.
 */
export function built(name: string): Promise<Command> {
  let command = builds.get(name);
  if (command === undefined) {
    command = compile(fileURLToPath(new URL(name, import.meta.url)));
    builds.set(name, command);
  }
  return command;
}

/** Removes what was compiled. */
export function removeBuilds(): void {
  rmSync(folder, { recursive: true, force: true });
}

async function compile(source: string): Promise<Command> {
  const { dir, name, ext } = parse(source);
  const output = join(folder, name);
  switch (ext) {
    case ".go":
      await executeFile(goProgram, ["build", "-o", output, source], {
        env: {
          ...process.env,
          GO111MODULE: "off",
          GOPATH: "/usr/share/gocode",
          GOCACHE: join(tmpdir(), "framewire-go-cache"),
        },
      });
      return [output];
    case ".java":
      await executeFile(javaCompiler, [
        ...["-encoding", "UTF-8", "-cp", tomcatJars.join(delimiter)],
        ...["-sourcepath", dir, "-d", folder, source],
      ]);
      // It lives for a second: the second compiler would not be done with anything. The stack is for Tomcat's client, which
      // sends a message of 16 MiB as 2 048 calls within each other.
      return [
        ...([javaProgram, "-XX:TieredStopAtLevel=1", "-Xss64m"] as const),
        ...["-cp", [folder, ...tomcatJars].join(delimiter), name],
      ];
    case ".c":
      await executeFile(cCompiler, ["-O1", "-o", output, source, "-lwebsockets"]);
      return [output];
    default:
      throw new Error(`Nothing compiles ${source}`);
  }
}
