/** Every size that both ends must agree on, in bytes unless the name says otherwise; mirrors zajil.protocol.limits. */

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Longest text of a message, UTF-8. */
export const TEXT_BYTES = 64 * KIB;
/** Of a history for a linked device: parts, and bytes of the plaintext of one. */
export const HISTORY_PARTS = 32;
export const HISTORY_PART_BYTES = 16 * MIB;
/** Longest MLS PrivateMessage of an application message. */
export const BODY_BYTES = 96 * KIB;
export const EPHEMERAL_BYTES = 8 * KIB;
export const COMMIT_BYTES = 384 * KIB;
export const WELCOME_BYTES = 600 * KIB;
/** Longest session message, so the longest data frame. */
export const MESSAGE_BYTES = MIB;
/** Longest body of a control call, JSON or not. */
export const HTTP_BODY_BYTES = 256 * KIB;
export const LINK_OFFER_BYTES = 4 * KIB;
export const LINK_ANSWER_BYTES = 256 * KIB;
/** Longest `wait` of GET /link/{addr}/answer, in seconds. */
export const LINK_WAIT_S = 25;
export const CBOR_DEPTH = 16;
/** Nested parts of one message body. */
export const CONTENT_DEPTH = 4;

export const ACCOUNT_DEVICES = 8;
/** Most tokens of links that one account has at a server, and a device remembers; those that ended count. */
export const OWN_LINKS = 1_000;
export const LISTS_PER_ANSWER = 100;
/** Device lists that a device brings to a restored server besides the newest one. */
export const LISTS_BETWEEN = 15;
/** Numbers of a mailbox that no device misses between two READYs: who renumbers a server leaves out twice as many. */
export const HEAD_JUMP = 1 << 19;
export const GROUP_LEAVES = 1_000;
/** Most leaves of a group in SUITE_XWING; a larger one is made in SUITE_RFC1, for life. */
export const XWING_LEAVES = 128;
/** Most links to join by that one group has at a time. */
export const GROUP_INVITES = 16;
/** Most leaves one commit may add. */
export const ADDED_LEAVES = 250;
export const ROSTER_ENTRIES = 1024;
/** key id 1, nonce 12, AES-256-GCM of mailbox 16, flags 1, serial 8. */
export const DELIVERY_REF_BYTES = 54;
export const REFS_PER_CALL = 64;
export const PASSES_PER_CALL = 64;
export const KEY_PACKAGE_BYTES = 16 * KIB;
export const KEY_PACKAGES_PER_CALL = 64;
/** Longest name or title, UTF-8. */
export const NAME_BYTES = 256;
export const ABOUT_BYTES = 4 * KIB;
export const SERVER_NAME_BYTES = 253;

/** The only sizes of a record on the wire. */
export const RECORD_SIZES = [256, 1024, 4096, 16384, 65536] as const;
export const RECORD_MOST_BYTES = 65_536;
export const FRAME_BYTES = RECORD_MOST_BYTES - 4;
export const DATA_BODY_BYTES = 65_472;
export const WINDOW_FRAMES = 64;
/** Unacknowledged DATA per direction. */
export const WINDOW_BYTES = 256 * KIB;
/** MSG beyond the last MACK. */
export const R_WINDOW_MESSAGES = 64;
export const R_WINDOW_BYTES = MIB;
/** Sizes of a padded MLS PrivateMessageContent; each fills a session record. */
export const CONTENT_SIZES = [704, 3776, 16064, 69120] as const;
export const GROUP_CONTENT_BYTES = 69_120;
export const SUITE_XWING = 0x0053;
export const SUITE_RFC1 = 0x0001;
/** What this client is to a server: READY and GET /config name the oldest `min_client` they still speak with. */
export const CLIENT_VERSION = 1;
