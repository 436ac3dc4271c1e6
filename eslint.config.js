import js from "@eslint/js";
import tseslint from "typescript-eslint";
import { noSliceOnBytes } from "./scripts/lint/no-slice-on-bytes.mjs";

/** Names that would tie the core to one runtime; types/globals.d.ts says what it may use instead. */
const runtimeNames = [
  "Buffer",
  "process",
  "Deno",
  "Bun",
  "require",
  "window",
  "document",
  "global",
];

/** What no TypeScript file does. */
const everywhere = [
  { selector: "ExportDefaultDeclaration", message: "Exports have names." },
  { selector: "ExportAllDeclaration", message: "An index names what it exports." },
  {
    selector: "TSEnumDeclaration",
    message: "Constants, not enums: the sources run under type stripping.",
  },
];

/** What the package itself does not do, either. */
const inThePackage = [
  {
    selector: "MemberExpression[object.name='URL'][property.name='canParse']",
    message: "On Node 20 it says no to what is no ASCII, once it is hot: use parsedUrl().",
  },
  {
    selector: ":matches(PropertyDefinition, MethodDefinition)[accessibility=/private|public/]",
    message: "What is private has a #name; everything else is public, and need not say so.",
  },
  {
    selector:
      ":matches(Program, ExportNamedDeclaration) > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression",
    message: "A function of a module is declared as one.",
  },
];

export default tseslint.config(
  {
    ignores: [
      "dist/",
      "coverage/",
      "api/",
      ".types/",
      "node_modules/",
      "bench/results/",
      ".mutation/",
    ],
  },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strict],
    rules: {
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
      "max-params": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-dynamic-delete": "error",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/no-invalid-void-type": "off",
      "no-restricted-syntax": ["error", ...everywhere],
    },
  },
  {
    files: ["src/**/*.ts", "adapters/**/*.ts"],
    languageOptions: {
      parserOptions: {
        project: ["tsconfig/src.json", "tsconfig/adapters.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { framewire: { rules: { "no-slice-on-bytes": noSliceOnBytes } } },
    rules: {
      "framewire/no-slice-on-bytes": "error",
      "max-depth": ["error", 3],
      "no-restricted-syntax": ["error", ...everywhere, ...inThePackage],
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "no-restricted-globals": ["error", ...runtimeNames],
      "no-restricted-imports": [
        "error",
        { patterns: ["node:*", "bun", "bun:*", "jsr:*", "npm:*", "**/adapters/*"] },
      ],
    },
  },
  {
    files: ["test/**/*.ts", "*.config.ts", "vitest.config.ts"],
    rules: { "max-lines-per-function": "off", "no-restricted-syntax": "off" },
  },
  {
    files: ["**/*.js", "**/*.mjs"],
    languageOptions: {
      globals: Object.fromEntries(
        [
          "console",
          "process",
          "URL",
          "setTimeout",
          "setInterval",
          "clearInterval",
          "clearTimeout",
          "performance",
          "WebSocket",
          "TextDecoder",
          "TextEncoder",
          "Deno",
          "Bun",
          "globalThis",
          "fetch",
          "queueMicrotask",
          "Buffer",
          "Response",
          "AbortController",
          "ReadableStream",
          "WritableStream",
          "WebSocketPair",
        ].map((name) => [name, "readonly"]),
      ),
    },
  },
  {
    files: ["examples/*/page/*.js"],
    languageOptions: {
      globals: { document: "readonly", crypto: "readonly", URLSearchParams: "readonly" },
    },
  },
);
