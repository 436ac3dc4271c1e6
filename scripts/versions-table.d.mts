import type { Row } from "./versions-results.mjs";

export declare function withTable(page: string, rows: readonly Row[], isTlsAlone: boolean): string;
