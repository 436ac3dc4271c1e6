/** What test/hostile/rows.test.ts uses of hostile-table.mjs. */

export interface BatteryRow {
  readonly id: string;
  readonly roles: readonly ("server" | "client")[];
  readonly title: string;
  /** Why framewire's answer is another one than the battery's, where it is. */
  readonly difference?: string;
}

export interface Battery {
  readonly sections: Readonly<Record<string, string>>;
  readonly rows: readonly BatteryRow[];
}

export const table: Battery;
export const files: readonly string[];
export function parseTitle(title: string): {
  readonly role: "server" | "client" | undefined;
  readonly ids: readonly string[];
};
export function rowLines(table: Battery): string[];
export function differenceLines(table: Battery): string[];
