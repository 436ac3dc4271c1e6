import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/built.mjs";

/** Gives the dependencies of a package, as its folder's package.json has them. */
function dependenciesOf(folder: string): string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  return Object.keys(dependencies);
}

/**
 * Makes a project in a folder of its own that has packages of this one's, and in place of `ws`, wherever it is, the package of
 * packages/ws: what an override leaves behind.
 *
 * @returns Its folder, which is the caller's to delete.
 */
export function aliasProject(names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "framewire-alias-"));
  const modules = join(folder, "node_modules");
  const done = new Set(["ws", "framewire"]);
  const left = [...names];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const source = join(root, "node_modules", name);
    // Some packages are installed in that of who needs them, and copied with it.
    if (done.has(name) || !existsSync(source)) continue;
    done.add(name);
    cpSync(source, join(modules, name), {
      recursive: true,
      dereference: true,
      filter: (path) => !/node_modules[/\\](?:ws|\.bin)$/.test(path),
    });
    left.push(...dependenciesOf(source));
    const own = join(source, "node_modules");
    if (existsSync(own)) left.push(...nestedDependencies(own));
  }
  mkdirSync(modules, { recursive: true });
  cpSync(join(root, "packages/ws"), join(modules, "ws"), { recursive: true });
  mkdirSync(join(modules, "framewire"));
  cpSync(join(root, "package.json"), join(modules, "framewire/package.json"));
  // Deno imports by its name what package.json names, and nothing else.
  const dependencies = Object.fromEntries([...names, "ws", "framewire"].map((name) => [name, "*"]));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", dependencies }));
  symlinkSync(join(root, "dist"), join(modules, "framewire/dist"), "junction");
  return folder;
}

/** What packages within a package need of those that lie outside of it. */
function nestedDependencies(modules: string): string[] {
  const names = new Set<string>();
  for (const name of namesIn(modules)) {
    for (const dependency of dependenciesOf(join(modules, name))) names.add(dependency);
  }
  return [...names];
}

function namesIn(modules: string): string[] {
  return readdirSync(modules).flatMap((name) => {
    if (name.startsWith(".")) return [];
    return name.startsWith("@")
      ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`)
      : [name];
  });
}
