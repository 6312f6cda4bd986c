/** Where the recovery key rests, for whoever only asks whether there is one. */
export const RECOVERY = new TextEncoder().encode("recovery");
