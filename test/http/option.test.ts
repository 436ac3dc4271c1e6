import { describe, expect, it } from "vitest";
import { writeLatin1 } from "../../src/bytes.ts";
import {
  addOptions,
  equalOptions,
  intFromAscii,
  newOption,
  type Option,
  type OptionParameter,
  optionParameter,
  parseOptions,
  ScanBreak,
  ScanContinue,
  type ScanControl,
  scanOptions,
  ScanSkip,
  scanTokens,
  selectOptions,
  writeOptions,
} from "../../src/http/option.ts";
import { expectRangeNeeded, expectRangesChecked } from "../support/ranges.ts";
import { fieldBytes } from "../../src/http/option-scanner.ts";
import { headerText } from "../../src/http/view.ts";

const characters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
const deflate = "permessage-deflate";

/** A text's bytes with others around them, which would be part of the list if they were looked at. */
function around(text: string, behind = ";c"): { bytes: Uint8Array; start: number; end: number } {
  const bytes = new Uint8Array(4 + text.length + behind.length);
  writeLatin1(bytes, 0, `a;b,${text}${behind}`);
  return { bytes, start: 4, end: 4 + text.length };
}

function option(name: string, ...parameters: OptionParameter[]): Option {
  return { name, parameters };
}

/** A line for each call that `scanOptions` makes. */
function calls(
  text: string,
  control: (line: string) => ScanControl = () => ScanContinue,
  anyValue = false,
): string[] {
  const lines: string[] = [];
  const visit = (
    index: number,
    name: Uint8Array,
    attribute: Uint8Array | undefined,
    value: Uint8Array | undefined,
  ): ScanControl => {
    let line = `${index} ${headerText(name)}`;
    if (attribute !== undefined) line += ` ${headerText(attribute)}`;
    if (value !== undefined) line += `=${headerText(value)}`;
    lines.push(line);
    return control(line);
  };
  lines.push(`${scanOptions(fieldBytes(text), visit, { anyValue })}`);
  return lines;
}

/** Text that counts how often its bytes are read. Views of it do not count. */
function counted(text: string): { bytes: Uint8Array; reads: () => number } {
  let reads = 0;
  const bytes = new Proxy(fieldBytes(text), {
    get(target, key): unknown {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value === "number" && key !== "length" && key !== "byteLength") reads++;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { bytes, reads: () => reads };
}

/** Lists that are well-formed and hold tokens only, and what they hold. */
const lists: [list: string, options: Option[]][] = [
  // RFC 6455, 9.1
  ["foo", [option("foo")]],
  ["bar; baz=2", [option("bar", ["baz", "2"])]],
  ["foo, bar; baz=2", [option("foo"), option("bar", ["baz", "2"])]],
  ["deflate-stream", [option("deflate-stream")]],
  [
    "mux; max-channels=4; flow-control, deflate-stream",
    [option("mux", ["max-channels", "4"], ["flow-control"]), option("deflate-stream")],
  ],
  ["private-extension", [option("private-extension")]],
  // RFC 7692, 5.2 and 7.1
  [deflate, [option(deflate)]],
  [
    "permessage-foo; use_x, permessage-foo",
    [option("permessage-foo", ["use_x"]), option("permessage-foo")],
  ],
  [
    `${deflate}; client_max_window_bits; server_max_window_bits=10`,
    [option(deflate, ["client_max_window_bits"], ["server_max_window_bits", "10"])],
  ],
  [
    `${deflate}; server_max_window_bits="10",${deflate};client_no_context_takeover`,
    [
      option(deflate, ["server_max_window_bits", "10"]),
      option(deflate, ["client_no_context_takeover"]),
    ],
  ],
  // order and repetition
  ["a; b=1; c; b=2; b", [option("a", ["b", "1"], ["c"], ["b", "2"], ["b"])]],
  ["a, A, a", [option("a"), option("A"), option("a")]],
  // blanks and empty elements
  ["a;b=1,c", [option("a", ["b", "1"]), option("c")]],
  [" \ta\t ;\t b=1 \t,\t c ; d\t", [option("a", ["b", "1"]), option("c", ["d"])]],
  [", ,\t,a, ,,b,", [option("a"), option("b")]],
  // implied *LWS (RFC 2616, 2.1), around each separator
  ["a; b = 12", [option("a", ["b", "12"])]],
  ["a; b =12", [option("a", ["b", "12"])]],
  ["a; b= 12", [option("a", ["b", "12"])]],
  ["a;b\t=\t12", [option("a", ["b", "12"])]],
  ["a ; b \t = \t 12 ; c , d", [option("a", ["b", "12"], ["c"]), option("d")]],
  ["a; b ; c ,d; e ", [option("a", ["b"], ["c"]), option("d", ["e"])]],
  ['a; b = "c" ; d', [option("a", ["b", "c"], ["d"])]],
  ['a; b= "\\c" , d', [option("a", ["b", "c"]), option("d")]],
  // quotes
  ['a; b="c"', [option("a", ["b", "c"])]],
  ['a; b="c" ; d="e" , f', [option("a", ["b", "c"], ["d", "e"]), option("f")]],
  ['a; b="\\c\\d"', [option("a", ["b", "cd"])]],
  // names that an object has anyway
  [
    "constructor, __proto__; toString=1",
    [option("constructor"), option("__proto__", ["toString", "1"])],
  ],
];

/** Lists whose quoted values are no tokens. */
const textLists: [list: string, options: Option[]][] = [
  ['a; b=""', [option("a", ["b", ""])]],
  ['a; b="c d"', [option("a", ["b", "c d"])]],
  ['a; b=",;=", c', [option("a", ["b", ",;="]), option("c")]],
  ['a; b="\\"\\\\\\,"', [option("a", ["b", '"\\,'])]],
  ['a; b="\t\u00E9\\\u00FF"', [option("a", ["b", "\t\u00E9\u00FF"])]],
];

const malformed = [
  ";",
  "=",
  '"',
  '"a"',
  "a b",
  "a;",
  "a; ",
  "a;,b",
  "a;;b",
  "; a",
  "a=1",
  "a; =1",
  "a; b=",
  "a; b= ",
  "a; b=,c",
  "a; b =",
  "a; b = ,c",
  "a; b = ;c",
  "a; b = =1",
  "a; b c=1",
  "a; b = 1 2",
  'a; b = "c" "d"',
  "a b=1",
  "a =1",
  "a; b\r\n =1",
  "a; b=1 2",
  "a; b=1=2",
  'a; b="',
  'a; b="c',
  'a; b="c\\',
  'a; b="c\\"',
  'a; b="c"d',
  'a; b="c""d"',
  'a; b=c"d"',
  'a; "b"=1',
  'a; b="c\0"',
  'a; b="\\\x7f"',
  'a; b="c\r\n"',
  "a, b;",
  "a/b",
  "a; b/c",
  "a; b=c/d",
  "\u00FC",
  "a; b=\u00FC",
];

/** Texts that would be well-formed if only the low byte of each unit counted. */
const tooWide = ["\u0161", "a\u012Cb", "a; b=\u0161", 'a; b="\u{1F361}"'];

describe("parseOptions()", () => {
  it.each(lists)("parses %j", (list, options) => {
    const { bytes, start, end } = around(list);
    expect(parseOptions(bytes, start, end)).toEqual(options);
    expect(parseOptions(list)).toEqual(options);
    expect(parseOptions(fieldBytes(list))).toEqual(options);
  });

  it.each([...malformed, ...textLists.map(([list]) => list)])("refuses %j", (list) => {
    const { bytes, start, end } = around(list);
    expect(parseOptions(bytes, start, end)).toBeUndefined();
    expect(parseOptions(list)).toBeUndefined();
  });

  it.each(tooWide)("refuses %j, which has a character that is no byte", (list) => {
    expect(parseOptions(list)).toBeUndefined();
    expect(selectOptions(list, { anyValue: true })).toBeUndefined();
  });

  it.each(["", " ", ",", ", ,\t,"])("refuses %j, which has no option", (list) => {
    expect(parseOptions(list)).toBeUndefined();
  });

  it.each([",", ";", "=", '"', " ", "\t", "a", "\\"])("does not read %j after it", (behind) => {
    for (const [list, options] of lists) {
      const { bytes, start, end } = around(list, behind);
      expect(parseOptions(bytes, start, end)).toEqual(options);
    }
    for (const list of malformed) {
      const { bytes, start, end } = around(list, behind);
      expect(parseOptions(bytes, start, end)).toBeUndefined();
    }
  });

  it("distinguishes a parameter without a value by its length", () => {
    const [{ parameters }] = parseOptions("a; b; c=1") as [Option];
    expect(parameters.map((parameter) => parameter.length)).toEqual([1, 2]);
  });

  it.each(characters)("accepts %j in a name or a value if a token may have it", (character) => {
    const isMember = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(character);
    expect(parseOptions(`a${character}z`) !== undefined).toBe(
      isMember || character === "," || character === ";",
    );
    expect(parseOptions(`a; b="${character}"`) !== undefined).toBe(isMember);
    expect(parseOptions(`a; b="\\${character}"`) !== undefined).toBe(isMember);
  });
});

describe("addOptions()", () => {
  it("adds the options of several lines", () => {
    const options: Option[] = [];
    for (const line of ["a; b=1, c", "", " , ", "a"]) {
      const { bytes, start, end } = around(line);
      expect(addOptions(options, bytes, start, end)).toBe(true);
    }
    expect(options).toEqual([option("a", ["b", "1"]), option("c"), option("a")]);
  });

  it("leaves what came before a malformed place", () => {
    const options = [option("z")];
    const { bytes, start, end } = around("a; b=1, c; d=/, e");
    expect(addOptions(options, bytes, start, end)).toBe(false);
    expect(options).toEqual([option("z"), option("a", ["b", "1"])]);
  });
});

describe("selectOptions()", () => {
  it.each(lists)("accepts all of %j", (list, options) => {
    expect(selectOptions(list)).toEqual(options);
    expect(selectOptions(fieldBytes(list), { anyValue: true })).toEqual(options);
  });

  it.each(textLists)("accepts values of any text in %j if told to", (list, options) => {
    expect(selectOptions(list, { anyValue: true })).toEqual(options);
    expect(selectOptions(list)).toBeUndefined();
  });

  it.each(["", ",", ...malformed])("refuses %j, whatever the check accepts", (list) => {
    expect(selectOptions(list, { anyValue: true })).toBeUndefined();
    expect(selectOptions(list, { check: () => false })).toBeUndefined();
  });

  it("gives the options that pass the check", () => {
    const seen: Option[] = [];
    const check = (candidate: Option): boolean => {
      seen.push(candidate);
      return optionParameter(candidate, "x") === "1";
    };
    expect(selectOptions("a; x=1, b; x=2, c; x=1", { check })).toEqual([
      option("a", ["x", "1"]),
      option("c", ["x", "1"]),
    ]);
    expect(seen.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(selectOptions("a; x=1", { check: () => false })).toEqual([]);
  });

  it("shows no option to the check that an error cuts off", () => {
    const names: string[] = [];
    const check = ({ name }: Option): boolean => names.push(name) > 0;
    expect(selectOptions("a, b; c, d; e=", { check })).toBeUndefined();
    expect(names).toEqual(["a", "b"]);
  });

  it("gives the first option of each name that passes the check", () => {
    const list = "a; x, b; x, a, b, A";
    expect(selectOptions(list, { unique: true })).toEqual([
      option("a", ["x"]),
      option("b", ["x"]),
      option("A"),
    ]);
    const check = ({ parameters }: Option): boolean => parameters.length === 0;
    expect(selectOptions(list, { unique: true, check })).toEqual([
      option("a"),
      option("b"),
      option("A"),
    ]);
  });
});

describe("scanOptions()", () => {
  it.each<[list: string, lines: string[]]>([
    ["a", ["0 a", "true"]],
    ["a, b", ["0 a", "1 b", "true"]],
    [", a,, b", ["0 a", "1 b", "true"]],
    ["a; b; c=1, d; e=2, f", ["0 a b", "0 a c=1", "1 d e=2", "2 f", "true"]],
    ['a; b="c\\d"; e="f"', ["0 a b=cd", "0 a e=f", "true"]],
    ["", ["false"]],
    [" ,", ["false"]],
    [";", ["false"]],
    ["a b", ["false"]],
    ["a, b/", ["0 a", "false"]],
    ["a; b=1; c=", ["0 a b=1", "false"]],
    ["a; b=1;", ["0 a b=1", "false"]],
    ["a; b=1 c", ["0 a b=1", "false"]],
    ['a; b=""', ["false"]],
  ])("shows %j as %j", (list, lines) => {
    expect(calls(list)).toEqual(lines);
  });

  it("shows values of any text if told to", () => {
    const lines = ["0 a b=", '0 a c="d e', "true"];
    expect(calls('a; b=""; c="\\"d e"', () => ScanContinue, true)).toEqual(lines);
  });

  it.each([
    ["a, b; c; d, e/", "0 a", ["0 a", "true"]],
    ["a, b; c; d, e/", "1 b c", ["0 a", "1 b c", "true"]],
    ["a, b; c; d, e/", "1 b d", ["0 a", "1 b c", "1 b d", "true"]],
  ])("ends %j at %j", (list, last, lines) => {
    expect(calls(list, (line) => (line === last ? ScanBreak : ScanContinue))).toEqual(lines);
  });

  it.each([
    ["a, b", ["0 a", "1 b", "true"]],
    ["a; b; c=1, d; e; f", ["0 a b", "1 d e", "true"]],
    ['a; b; c="d\\,e", f', ["0 a b", "1 f", "true"]],
    ["a; b; c=/, d", ["0 a b", "false"]],
    ["a; b; c; d", ["0 a b", "true"]],
  ])("skips the rest of an option of %j, and checks it", (list, lines) => {
    expect(calls(list, () => ScanSkip, true)).toEqual(lines);
  });

  it("gives views on the list if nothing is escaped", () => {
    const bytes = fieldBytes('a; b=1; c="d"');
    scanOptions(bytes, (_, ...views) => {
      expect(views.map((view) => view?.buffer === bytes.buffer)).toEqual([true, true, true]);
      return ScanContinue;
    });
    expect.assertions(2);
  });
});

describe("scanTokens()", () => {
  it.each<[list: string, tokens: string[], isWellFormed: boolean]>([
    ["chat", ["chat"], true],
    [" chat\t,superchat ", ["chat", "superchat"], true],
    [",a,, b,", ["a", "b"], true],
    ["", [], false],
    [", ,", [], false],
    ["a b", [], false],
    ["a, b; c", ["a"], false],
    ["a, b;", ["a"], false],
    ["a, /", ["a"], false],
    ['"a"', [], false],
    ["a, \u00FC", ["a"], false],
  ])("shows %j as %j and returns %s", (list, tokens, isWellFormed) => {
    const seen: string[] = [];
    const result = scanTokens(fieldBytes(list), (token) => seen.push(headerText(token)) > 0);
    expect(seen).toEqual(tokens);
    expect(result).toBe(isWellFormed);
  });

  it("ends if the visitor says so, and reads no further", () => {
    const seen: string[] = [];
    const isFirst = (token: Uint8Array): boolean => seen.push(headerText(token)) < 2;
    expect(scanTokens(fieldBytes("a, b, /"), isFirst)).toBe(true);
    expect(seen).toEqual(["a", "b"]);
  });
});

describe("newOption()", () => {
  it.each<[string, Parameters<typeof newOption>, Option]>([
    ["no parameters", ["a"], option("a")],
    ["pairs", ["a", [["b", "1"], ["c"], ["b", ""]]], option("a", ["b", "1"], ["c"], ["b", ""])],
    ["a map", ["a", new Map([["b", "1"]])], option("a", ["b", "1"])],
    [
      "an object",
      ["a", { b: "1", c: true, d: undefined, e: "" }],
      option("a", ["b", "1"], ["c"], ["e", ""]),
    ],
  ])("makes an option of %s", (_, args, expected) => {
    expect(newOption(...args)).toEqual(expected);
  });

  it("copies the list of parameters", () => {
    const parameters: OptionParameter[] = [["b"]];
    const made = newOption("a", parameters);
    parameters.push(["c"]);
    expect(made).toEqual(option("a", ["b"]));
  });
});

describe.each<[string, (bad: Option) => unknown]>([
  ["newOption()", (bad) => newOption(bad.name, bad.parameters)],
  ["writeOptions()", (bad) => writeOptions([option("a"), bad])],
])("%s", (_, make) => {
  it.each([
    [option(""), 'Option is not a token: ""'],
    [option("a b"), 'Option is not a token: "a b"'],
    [option("a\r\nb"), 'Option is not a token: "a\\r\\nb"'],
    [option("a", ["b"], [""]), 'Parameter of a is not a token: ""'],
    [option("a", ["b=", "1"]), 'Parameter of a is not a token: "b="'],
    [option("a", ["b", "\r\n"]), "Value of a's b has a character that may not stand there"],
    [option("a", ["b", "\0"]), "Value of a's b has a character that may not stand there"],
    [option("a", ["b", "\u0141"]), "Value of a's b has a character that may not stand there"],
  ])("refuses %j", (bad, message) => {
    expect(() => make(bad)).toThrow(new TypeError(message));
  });
});

describe("optionParameter()", () => {
  it.each([
    ["b", "1"],
    ["c", true],
    ["d", ""],
    ["B", undefined],
    ["toString", undefined],
  ])("gives for %j: %j", (name, expected) => {
    const given = option("a", ["b", "1"], ["c"], ["d", ""], ["b", "2"], ["c", "3"]);
    expect(optionParameter(given, name)).toBe(expected);
  });

  it("gives true if a parameter's value is undefined", () => {
    expect(optionParameter(option("a", ["b", undefined]), "b")).toBe(true);
  });
});

describe("equalOptions()", () => {
  it.each<[Option, Option, boolean]>([
    [option("a"), option("a"), true],
    [option("a"), option("A"), false],
    [option("a"), option("a", ["b"]), false],
    [option("a", ["b"]), option("a"), false],
    [option("a", ["b", "1"], ["c"]), option("a", ["b", "1"], ["c"]), true],
    [option("a", ["b", "1"], ["c"]), option("a", ["c"], ["b", "1"]), false],
    [option("a", ["b", "1"]), option("a", ["b", "2"]), false],
    [option("a", ["b", "1"]), option("a", ["c", "1"]), false],
    [option("a", ["b"]), option("a", ["b", ""]), false],
    [option("a", ["b"]), option("a", ["b", undefined]), true],
  ])("compares %j and %j: %s", (a, b, expected) => {
    expect(equalOptions(a, b)).toBe(expected);
  });
});

describe("writeOptions()", () => {
  it.each<[options: Option[], text: string]>([
    [[], ""],
    [[option("a")], "a"],
    [[option("a"), option("b")], "a, b"],
    [
      [option(deflate, ["client_max_window_bits", "15"], ["x"]), option("x", ["a", "b c"])],
      `${deflate}; client_max_window_bits=15; x, x; a="b c"`,
    ],
    [[option("a", ["b", undefined], ["b", ""])], 'a; b; b=""'],
    [[option("a", ["b", '"\\,"'])], 'a; b="\\"\\\\,\\""'],
    [[option("a", ["b", "\t\u00FF"])], 'a; b="\t\u00FF"'],
  ])("writes %j as %j", (options, text) => {
    expect(writeOptions(options)).toBe(text);
  });

  it.each([...lists, ...textLists])("writes what %j holds so that it parses back", (_, options) => {
    expect(selectOptions(writeOptions(options), { anyValue: true })).toEqual(options);
  });
});

describe("lists of plain JavaScript", () => {
  it("are refused if a range is outside the bytes", () => {
    expectRangesChecked((bytes, start, end) => addOptions([], bytes, start, end));
    expectRangesChecked((bytes, start, end) => intFromAscii(bytes, start, end));
    expectRangeNeeded((bytes, start, end) => addOptions([], bytes, start, end));
    expectRangeNeeded((bytes, start, end) => intFromAscii(bytes, start, end));
    expect(() => parseOptions("a, b", 0, 5)).toThrow(RangeError);
    expect(() => parseOptions(new Uint8Array(4), 0, Infinity)).toThrow(RangeError);
  });

  it.each([5, null, ["a"], new DataView(new ArrayBuffer(1))])(
    "are refused if they are %s",
    (list) => {
      const wrong = list as never;
      expect(() => parseOptions(wrong)).toThrow(TypeError);
      expect(() => selectOptions(wrong)).toThrow(TypeError);
      expect(() => scanOptions(wrong, () => ScanContinue)).toThrow(TypeError);
      expect(() => scanTokens(wrong, () => true)).toThrow(TypeError);
      expect(() => newOption("a", [["b", wrong]])).toThrow(TypeError);
      expect(() => newOption(wrong)).toThrow(TypeError);
    },
  );
});

describe("intFromAscii()", () => {
  it.each<[text: string, expected: number | undefined]>([
    ["0", 0],
    ["15", 15],
    ["1234567890", 1234567890],
    ["007", 7],
    ["0".repeat(40), 0],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9007199254740992", undefined],
    ["9007199254740993", undefined],
    ["9".repeat(400), undefined],
    ["", undefined],
    ["-1", undefined],
    ["+1", undefined],
    ["1.0", undefined],
    ["1e3", undefined],
    ["0x1", undefined],
    [" 1", undefined],
    ["1/", undefined],
    ["1:", undefined],
    ["\u00B2", undefined],
  ])("reads %j as %s", (text, expected) => {
    const bytes = fieldBytes(`8${text}9`);
    expect(intFromAscii(bytes, 1, 1 + text.length)).toBe(expected);
  });
});

describe("the cost of hostile lists", () => {
  const units = [...';"\\= \t,a/'];
  const pieces = ["a,", "a;", "a;b,", "a; b=", 'a; b="c', 'a; b="\\c', '\\"', " ,", "a ", "a\t,"];
  const hostile: [name: string, text: string][] = [
    ...units.map((unit): [string, string] => [unit, unit.repeat(64 * 1024)]),
    ...units.map((unit): [string, string] => [`"${unit}`, `a; b="${unit.repeat(64 * 1024)}`]),
    ...pieces.map((piece): [string, string] => [piece, piece.repeat(4096)]),
    ['b="c"', `a${'; b="c"'.repeat(4096)}`],
    ["; b", `a${"; b".repeat(4096)}`],
    ["\\c in one value", `a; b="${"\\c".repeat(4096)}"`],
    ["a blank before a token", `a${" ".repeat(64 * 1024)}b`],
  ];

  it.each(hostile)("is at most four reads a byte: %s over and over", (_, text) => {
    const most = text.length * 4;
    const parsed = counted(text);
    parseOptions(parsed.bytes, 0, text.length);
    expect(parsed.reads()).toBeLessThan(most);

    const selected = counted(text);
    selectOptions(selected.bytes, { anyValue: true, unique: true });
    expect(selected.reads()).toBeLessThan(most);

    const scanned = counted(text);
    scanOptions(scanned.bytes, () => ScanSkip, { anyValue: true });
    expect(scanned.reads()).toBeLessThan(most);

    const tokens = counted(text);
    scanTokens(tokens.bytes, () => true);
    expect(tokens.reads()).toBeLessThan(most);
  });
});
