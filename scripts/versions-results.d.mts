/** Counts, or the trouble in their place. */
export interface Counts {
  readonly passed?: number;
  readonly failed?: number;
  readonly skipped?: number;
  readonly letIn?: number;
  readonly failures?: readonly string[];
  readonly trouble?: string;
}

/** What was seen of a version. */
export interface Row {
  readonly runtime: string;
  readonly version: string;
  readonly isSupported: boolean;
  readonly trouble?: string;
  readonly tls?: Counts;
  readonly own?: Counts;
  readonly matrix?: Counts;
}

export declare function countReport(report: object, status: number | null): Counts;
export declare function countTls(stdout: string): Counts | undefined;
export declare function isBad(row: Row): boolean;
export declare function headline(
  title: string,
  at: number,
  weights: readonly number[],
  elapsed: number,
): string;
export declare function timeOf(milliseconds: number): string;
