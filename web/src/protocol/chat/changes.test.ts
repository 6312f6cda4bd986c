/** Settings of groups and links into them: what vectors/service/groups.json says is what we judge and read. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeHex, parseHex } from "../bytes.ts";
import { encodeGroupLink, parseGroupLink } from "../identity/grouplinks.ts";
import { checkChange } from "./changes.ts";
import { UNSPECIFIED } from "./content.ts";
import { changeSettings, findChanges, JoinPolicy, parseSettings } from "./extensions.ts";
import { CONTROL_TYPE, parsePart } from "./parts.ts";

interface Vector {
  readonly link: string;
  readonly bare_link: string;
  readonly link_fields: { readonly gid: string; readonly invite_id: string; readonly expires: number };
  readonly refused_links: readonly { readonly about: string; readonly link: string }[];
  readonly settings: string;
  readonly with_invite: string;
  readonly without_link_permission: string;
  readonly with_link_permission: string;
  readonly refused_settings: readonly { readonly about: string; readonly data: string }[];
  readonly changes: readonly {
    readonly about: string;
    readonly before: string;
    readonly after: string;
    readonly allowed: readonly number[];
  }[];
}
const load = (name: string): unknown =>
  JSON.parse(readFileSync(resolve(import.meta.dirname, `../../../../vectors/service/${name}.json`), "utf8"));
const vector = load("groups") as Vector;

describe("who may change what", () => {
  test.each(vector.changes)("$about", ({ before, after, allowed }) => {
    for (const role of [0, 1, 2]) {
      const change = () => checkChange(parseHex(before), parseHex(after), role);
      if (allowed.includes(role)) change();
      else expect(change).toThrow();
    }
  });

  test("a change names its keys", () => {
    const [before, after] = [parseHex(vector.settings), parseHex(vector.with_invite)];
    expect([...findChanges(before, after)]).toEqual([10]);
    expect([...findChanges(after, before)]).toEqual([10]);
  });
});

test.each(vector.refused_settings)("links of another form are refused: $about", ({ data }) => {
  expect(() => parseSettings(parseHex(data))).toThrow(expect.objectContaining({ code: "malformed" }));
});

test("permissions of an older and of a later version", () => {
  const held = parseHex(vector.without_link_permission);
  expect(parseSettings(held).perms.link).toBe(1);
  expect(encodeHex(changeSettings(held, { perms: { link: 0 } }))).toBe(vector.with_link_permission);
});

test("links are written and read alike", () => {
  const link = parseGroupLink(vector.link);
  expect(encodeGroupLink(link)).toBe(vector.link);
  expect(link).toMatchObject({ name: "حمام", front: "https://home.example", expires: vector.link_fields.expires });
  expect(encodeHex(link.gid)).toBe(vector.link_fields.gid);
  expect(parseGroupLink(vector.bare_link).name).toBeNull();
  const invites = [{ invite_id: link.invite_id, policy: JoinPolicy.AUTO, expires: link.expires }];
  expect(parseSettings(parseHex(vector.with_invite)).invites).toEqual(invites);
  expect(encodeHex(changeSettings(parseHex(vector.settings), { invites }))).toBe(vector.with_invite);
});

test.each(vector.refused_links)("no link into a group: $about", ({ link }) => {
  expect(() => parseGroupLink(link)).toThrow(expect.objectContaining({ code: "bad-link" }));
});

test("a later answer is read as declined", () => {
  const content = parseHex((load("parts") as { later_answer: string }).later_answer);
  const part = {
    type: "SinglePart",
    disposition: UNSPECIFIED,
    language: "",
    content_type: CONTROL_TYPE,
    content,
  } as const;
  expect(parsePart(part)).toMatchObject({ op: "join-answer", outcome: "declined" });
});
