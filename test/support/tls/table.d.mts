/** A row of the table: what is done, and what must come of it. */
interface Row {
  readonly way: string;
  readonly name: string;
  readonly expected: object;
}

export declare const rows: readonly Row[];
export declare function lacking(row: Row): string | undefined;
export declare function play(adapter: object, row: Row): Promise<object | undefined>;
