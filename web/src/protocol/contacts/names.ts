/** The names that people give themselves: any text, so two of them may look alike or show nothing. Mirrors zajil.protocol.contacts.names. */

/** Letters and a symbol that are drawn as blanks, and all that shows nothing by itself. */
const UNSEEN = /^[\p{Cc}\p{Cf}\p{Z}\p{M}\u115f\u1160\u2800\u3164\uffa0]*$/u;

/** Whether a person sees anything of a name: not of blanks, controls and marks without a letter alone. */
export const shows = (name: string): boolean => !UNSEEN.test(name);
