/** Where the parts of a history stand that were announced to this device: known before what reads them is loaded. */
export const HISTORY = new TextEncoder().encode("history");
