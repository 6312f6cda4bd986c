/** Every limit and time of a call; twin of zajil.protocol.calls.limits. Times are milliseconds unless the name says. */

// -- signals
export const VERSION = 1;
/** SFrame cipher suite AES_128_GCM_SHA256_128 (RFC 9605 section 8.1). */
export const SUITE = 4;
export const CALL_BYTES = 16;
export const SECRET_BYTES = 32;
/** The leaf fills 16 bits of an SFrame KID. */
export const LEAF_BITS = 16;
/** How long the server keeps a signal that a device may fetch later. */
export const DURABLE_S = 60;
/** With these a padded signal stays within the step of 4,096 bytes. */
export const SDP_BYTES = 3500;
export const CANDIDATE_BYTES = 300;
export const CANDIDATES_A_SIGNAL = 10;
/** Of one attempt. */
export const CANDIDATES = 20;
/** Open at one time, from one peer. */
export const ATTEMPTS = 6;
/** From one device in one call at once; one a second comes back. */
export const SIGNALS = 300;
/** Repeats of the answer to one attempt. */
/** Of `lost` from one device at once, one a second comes back: each may make this device try anew. */
export const LOSSES = 8;
export const ANSWERS_AGAIN = 4;
export const WORD_BYTES = 32;

// -- the life of a call
export const PEOPLE = 4;
export const RING_MS = 45_000;
export const CONNECT_MS = 20_000;
export const RECONNECT_MS = 30_000;
export const TAKEN_MS = 5000;
/** A call counts as live so long after its last ring or beacon. */
export const KNOWN_MS = 60_000;
export const BEACON_MS = 30_000;
export const ALONE_MS = 60_000;
/** A ring makes no sound in a chat of more accounts. */
export const QUIET_ACCOUNTS = 8;
export const OFFER_AGAIN_MS = 2000;
export const OFFERS_AGAIN = 3;
