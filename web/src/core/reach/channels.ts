/** What a seal carries: session R, session S, or the media socket of a call. */
export const CHANNEL = { R: 1, S: 2, MEDIA: 3 } as const;
export type Channel = (typeof CHANNEL)[keyof typeof CHANNEL];
