/** What crosses between a tab and the worker about permissions of groups and links into them. Times are Unix ms. */

export type Permission = "send" | "add" | "info" | "timer" | "link";
/** Who may: true = admins only, false = every member. */
export type Perms = Readonly<Record<Permission, boolean>>;

/** A link into a group. url: absent where another device or person made it. */
export interface GroupLinkView {
  readonly id: string;
  readonly auto: boolean;
  readonly expires_at: number;
  readonly url?: string;
}

/** Somebody asks to be let into a group. name: their word. accepted: they are being added. */
export interface JoinRequestView {
  readonly account: string;
  readonly name: string;
  readonly at: number;
  readonly removed_before: boolean;
  readonly accepted: boolean;
}

/** What a link says, before anything is done with it. title: of the group, by the word of who made the link. */
export interface GroupLinkPreview {
  readonly title: string;
  readonly expired: boolean;
  /** ours: of this account's own. in: this account is in the group, whose chat `chat` is. */
  readonly state: "new" | "asked" | "in" | "ours" | "other-server";
  readonly chat?: string;
}

/** We asked to be let into a group. approver: whose link it is, empty until they said. */
export interface JoinView {
  readonly group: string;
  readonly title: string;
  readonly approver: string;
  readonly at: number;
  readonly state: "asked" | "declined" | "closed" | "dropped" | "expired";
}

/** The calls about them; what carries them out is loaded with the first one. */
export interface JoinCalls {
  /** Throws `not-permitted`, as all of these do where the chat's rules do not let us. */
  set_permissions(a: { chat: string; perms: Partial<Perms> }): void;
  group_links(a: { chat: string }): readonly GroupLinkView[];
  /** Up to 100 people may ask by it; auto: they are let in at once. Throws `too-many-links`. */
  make_group_link(a: { chat: string; auto: boolean; seconds: number }): GroupLinkView;
  revoke_group_link(a: { chat: string; id: string }): void;
  join_requests(a: { chat: string }): readonly JoinRequestView[];
  /** Throws `gone` where nobody asks any more. */
  answer_join(a: { chat: string; account: string; accept: boolean }): void;
  /** Changes nothing and asks nobody. Throws `bad-link`. */
  preview_group_link(a: { text: string }): GroupLinkPreview;
  /** Throws `bad-link`, `link-expired`, `already-in`, `not-allowed` where the link was used up or taken back. */
  ask_to_join(a: { link: string }): void;
  joins(): readonly JoinView[];
  /** Do not show a request of ours any more. */
  forget_join(a: { group: string }): void;
}
