/** What crosses between a tab and the worker about this account's own contact links. Times are Unix ms. */

/** many: for some people. once: for one. other: another device made it, or it leads into a group. */
export type InviteKind = "many" | "once" | "other";

/**
 * A link that still admits somebody. id: what the server knows it by. left: how many it still admits.
 *
 * made_at, uses, url: what this device knows of the links it made. code: whoever registers first by it may.
 */
export interface OwnInvite {
  readonly id: string;
  readonly kind: InviteKind;
  readonly left: number;
  readonly expires_at: number;
  readonly made_at?: number;
  readonly uses?: number;
  readonly url?: string;
  readonly code?: boolean;
}

/** The calls about them; what carries them out is loaded with the first one. */
export interface InviteCalls {
  /** A link that adds us; with_code: it also lets its reader register here. */
  make_invite(a: { kind: "many" | "once"; with_code: boolean }): OwnInvite;
  /** A link that names us and admits nobody: whoever has it can ask us. It cannot be taken back. */
  make_request_link(): { url: string; expires_at: number };
  /** The newest first; those of other devices last. */
  invites(): readonly OwnInvite[];
  /** It admits nobody from now on. Whoever came by it stays. */
  revoke_invite(a: { id: string }): void;
}
