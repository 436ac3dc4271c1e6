/** What test/package/drivers-table.test.ts uses of drivers-table.mjs. */

export const page: string;
export function written(text: string): string;
export function guaranteesTable(): string;
