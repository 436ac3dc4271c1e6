/**
 * Header options: names with parameters, as in Sec-WebSocket-Extensions (RFC 9110, 5.6; RFC 6455, 9.1).
 *
 * `1#( token *( OWS ";" OWS token [ OWS "=" OWS ( token / quoted-string ) ] ) )`, read where it lies, each byte once. Text
 * counts as Latin-1, and a character above U+00FF may stand nowhere.
 *
 * @module
 */

import { checkSpan } from "../arguments.ts";
import { fieldBytes, OptionScanner, type OptionSyntax } from "./option-scanner.ts";
import { checkFieldValue, checkToken, isToken } from "./token.ts";

/** A parameter of an option. One without a value (`a`) differs from one with an empty value (`a=""`). */
export type OptionParameter = readonly [name: string, value?: string | undefined];

/** A name with its parameters, in their order, repeated ones included. Upper and lower case differ. */
export interface Option {
  /** A token, as it was written. */
  readonly name: string;
  /** Its parameters. */
  readonly parameters: readonly OptionParameter[];
}

/** Parameters by name. `true` stands for one without a value; one that is undefined is left out. */
export type OptionParameters = Readonly<Record<string, string | true | undefined>>;

/** Which options of a list are taken. */
export interface OptionSelection extends OptionSyntax {
  /** Tells whether an option is taken. Default: each one is. */
  readonly check?: ((option: Option) => boolean) | undefined;
  /** Takes one option of a name, the first that passes `check`. Default false. */
  readonly unique?: boolean | undefined;
}

/** The scan goes on. */
export const ScanContinue = 0;
/** The scan ends; what follows is not looked at. */
export const ScanBreak = 1;
/** The scan goes on with the next option; what follows of this one is checked, but not shown. */
export const ScanSkip = 2;

/** What a visitor of {@link scanOptions} wants next. */
export type ScanControl = typeof ScanContinue | typeof ScanBreak | typeof ScanSkip;

/**
 * Looks at a parameter, or at an option that has none. The views are valid during the call.
 *
 * @param index Of the option, from 0.
 * @param attribute The parameter's name, undefined where the option has none.
 * @param value Without quotes and escapes, undefined where the parameter has none.
 */
export type OptionVisitor = (
  index: number,
  option: Uint8Array,
  attribute: Uint8Array | undefined,
  value: Uint8Array | undefined,
) => ScanControl;

/** Makes an option of what a scanner stands at; what it gives is whole only where the list is not malformed by then. */
function readOption(scanner: OptionScanner): Option {
  const name = scanner.nameText;
  const parameters: OptionParameter[] = [];
  while (scanner.nextParameter()) {
    const value = scanner.valueText;
    parameters.push(value === undefined ? [scanner.nameText] : [scanner.nameText, value]);
  }
  return { name, parameters };
}

/**
 * Makes an option.
 *
 * @param parameters By name, or as pairs where a name comes twice.
 * @throws {TypeError} A name that is no token, or a value that is no string or that no field value may have.
 * @see gobwas NewOption
 */
export function newOption(
  name: string,
  parameters: Iterable<OptionParameter> | OptionParameters = [],
): Option {
  const option: Option = {
    name,
    parameters: isIterable(parameters) ? Array.from(parameters) : pairsOf(parameters),
  };
  checkOption(option);
  return option;
}

function isIterable(
  parameters: Iterable<OptionParameter> | OptionParameters,
): parameters is Iterable<OptionParameter> {
  return Symbol.iterator in parameters;
}

function pairsOf(parameters: OptionParameters): OptionParameter[] {
  const pairs: OptionParameter[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) pairs.push(value === true ? [name] : [name, value]);
  }
  return pairs;
}

function checkOption({ name, parameters }: Option): void {
  checkToken("Option", name);
  for (const [parameter, value = ""] of parameters) {
    checkToken(`Parameter of ${name}`, parameter);
    checkFieldValue(`${name}'s ${parameter}`, value);
  }
}

/**
 * Gives a parameter's value, the first one's where the name is repeated.
 *
 * @returns true where it stands without a value, undefined where there is none of that name.
 * @see gobwas Parameters.Get
 */
export function optionParameter(option: Option, name: string): string | true | undefined {
  const found = option.parameters.find(([parameter]) => parameter === name);
  return found && (found[1] ?? true);
}

/**
 * Tells whether two options have one name and the same parameters in the same order.
 *
 * @see gobwas Option.Equal
 */
export function equalOptions(a: Option, b: Option): boolean {
  return (
    a.name === b.name &&
    a.parameters.length === b.parameters.length &&
    a.parameters.every(([name, value], index) => {
      const [otherName, otherValue] = b.parameters[index];
      return name === otherName && value === otherValue;
    })
  );
}

/**
 * Parses a list of options as in Sec-WebSocket-Extensions. Empty elements are skipped.
 *
 * Takes the whole of a header, or one line of several where none may be empty: else see {@link addOptions}. Values
 * that are no tokens are for {@link selectOptions}.
 *
 * @param start Default 0.
 * @param end Default: the end of `source`.
 * @returns undefined where the list is malformed or has no option.
 * @throws {TypeError} `source` is neither a string nor a Uint8Array.
 * @throws {RangeError} `start` or `end` is not within `source`.
 * @see gobwas ParseOptions
 */
export function parseOptions(
  source: Uint8Array | string,
  start = 0,
  end?: number,
): Option[] | undefined {
  const options: Option[] = [];
  const bytes = fieldBytes(source);
  const isWellFormed = addOptions(options, bytes, start, end ?? bytes.length);
  return isWellFormed && options.length > 0 ? options : undefined;
}

/**
 * Adds the options of one of several header lines to `options`; a line may be empty.
 *
 * @returns false where the line is malformed; what came before that place has been added.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 */
export function addOptions(
  options: Option[],
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const scanner = new OptionScanner(bytes, start, end);
  while (scanner.nextOption()) {
    const option = readOption(scanner);
    if (!scanner.isMalformed) options.push(option);
  }
  return !scanner.isMalformed;
}

/**
 * Parses a list of options and takes some of them.
 *
 * @returns undefined where the list is malformed or has no option; an empty array where none was taken.
 * @throws {TypeError} `source` is neither a string nor a Uint8Array.
 * @see gobwas OptionSelector
 */
export function selectOptions(
  source: Uint8Array | string,
  { check, unique = false, anyValue }: OptionSelection = {},
): Option[] | undefined {
  const selected: Option[] = [];
  const names = new Set<string>();
  const bytes = fieldBytes(source);
  const scanner = new OptionScanner(bytes, 0, bytes.length, anyValue);
  let count = 0;
  for (; scanner.nextOption(); count++) {
    const option = readOption(scanner);
    if (scanner.isMalformed || (unique && names.has(option.name))) continue;
    if (check !== undefined && !check(option)) continue;
    names.add(option.name);
    selected.push(option);
  }
  return scanner.isMalformed || count === 0 ? undefined : selected;
}

/**
 * Goes through a list of options without making strings of it.
 *
 * `visit` sees each parameter once, and an option without parameters once. What it saw may turn out to belong to a
 * malformed list: only the result tells.
 *
 * @returns false where the list is malformed before its end or a {@link ScanBreak}, or has no option.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
 * @see gobwas ScanOptions
 */
export function scanOptions(
  bytes: Uint8Array,
  visit: OptionVisitor,
  { anyValue }: OptionSyntax = {},
): boolean {
  const scanner = new OptionScanner(bytes, 0, bytes.length, anyValue);
  let index = 0;
  for (; scanner.nextOption(); index++) {
    if (visitOption(scanner, index, visit) === ScanBreak) return true;
  }
  return index > 0 && !scanner.isMalformed;
}

/** Shows an option to `visit`, and gives the last that it answered. */
function visitOption(scanner: OptionScanner, index: number, visit: OptionVisitor): ScanControl {
  const option = scanner.nameView;
  if (!scanner.nextParameter()) {
    return scanner.isMalformed ? ScanContinue : visit(index, option, undefined, undefined);
  }
  let control: ScanControl;
  do {
    control = visit(index, option, scanner.nameView, scanner.valueView);
  } while (control === ScanContinue && scanner.nextParameter());
  return control;
}

/**
 * Goes through a comma-separated list of tokens without making strings of it. Empty elements are skipped.
 *
 * @param visit Gets a view that is valid during the call; returns false to end the scan.
 * @returns false where the list is malformed up to where it was looked at, or has no token.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
 * @see gobwas ScanTokens
 */
export function scanTokens(bytes: Uint8Array, visit: (token: Uint8Array) => boolean): boolean {
  const scanner = new OptionScanner(bytes, 0, bytes.length);
  let count = 0;
  for (; scanner.nextOption(); count++) {
    const token = scanner.nameView;
    if (scanner.nextParameter() || scanner.isMalformed) return false;
    if (!visit(token)) return true;
  }
  return count > 0 && !scanner.isMalformed;
}

/**
 * Writes a list of options, as in `a; b=1, c; d="e f"`.
 *
 * A value that is no token is quoted. In Sec-WebSocket-Extensions such a value may not stand, quoted or not.
 *
 * @throws {TypeError} A name that is no token, or a value that is no string or that no field value may have.
 * @see gobwas WriteOptions
 */
export function writeOptions(options: readonly Option[]): string {
  return options.map(writeOption).join(", ");
}

function writeOption(option: Option): string {
  checkOption(option);
  let text = option.name;
  for (const [name, value] of option.parameters) {
    text += value === undefined ? `; ${name}` : `; ${name}=${writeValue(value)}`;
  }
  return text;
}

function writeValue(value: string): string {
  return isToken(value) ? value : `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * Reads a number of decimal digits; leading zeros change nothing.
 *
 * @returns undefined where there is another byte, no byte, or a number above 2^53 - 1.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 * @see gobwas IntFromASCII
 */
export function intFromAscii(bytes: Uint8Array, start: number, end: number): number | undefined {
  checkSpan(bytes, start, end);
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return start < end ? value : undefined;
}
