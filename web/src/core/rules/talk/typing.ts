/**
 * Telling that somebody writes: an ephemeral message, at most every 4 s, both ways or not at all (service.md 7).
 * Twin of zajil.client.core.talk.typing.
 *
 * It overtakes the mailbox. So it never pushes a key out that a message there still needs, and nothing but `typing` may
 * come this way: a text brought early by the server would lose its key, and with it itself.
 */
import * as content from "../../../protocol/chat/content.ts";
import * as forms from "../../../protocol/chat/forms.ts";
import * as parts from "../../../protocol/chat/parts.ts";
import { ZajilError } from "../../../protocol/errors.ts";
import { EPHEMERAL, type Eph, type Send } from "../../../protocol/frames.ts";
import { rosterKey } from "../../../protocol/roster.ts";
import { MlsError } from "../../mls/mls.ts";
import * as rows from "../../state/rows.ts";
import type { Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as groups from "../groups.ts";
import * as messages from "../messages.ts";
import * as sealing from "../sealing.ts";
import { placeOf } from "./places.ts";

/**
 * The request that tells the chat we write; undefined where it is off, not yet due again, or cannot be sent now.
 *
 * It is sent once or not at all; the ratchet has moved on for good when this step is durable.
 */
export async function sealTyping(step: Step, gid: Id): Promise<Send | undefined> {
  const chat = await step.chat(await placeOf(step, gid));
  const alone = rows.accountsOf(chat).length < 2;
  if (alone || chat.kind === groups.SELF || chat.status !== "active" || sealing.isRefused(chat)) return undefined;
  const { typing } = await rows.loadPrivacy(step.tx);
  if (!typing || step.now - chat.typed_at < forms.TYPING_MS) return undefined;
  const body: content.MimiContent = {
    ...content.CONTENT_DEFAULTS,
    salt: step.rng(16),
    body: parts.encodePart({ op: "typing" }),
    extensions: messages.extensions(step, chat.gid),
  };
  try {
    const message = await messages.encryptContent(step, chat, body, content.encodeContent(body));
    await step.changeChat(chat.gid, { typed_at: step.now });
    return {
      type: "Send",
      rid: 0,
      mid: step.rng(16),
      gid: rows.bytesOf(chat.gid),
      token: message.token,
      roster_key: rosterKey(chat.gs),
      flags: EPHEMERAL,
      ttl: 0,
      body: message.body,
    };
  } catch (problem) {
    if (problem instanceof MlsError) return undefined;
    throw problem;
  }
}

/** An ephemeral message of the server; whatever is not a `typing` of this epoch changes nothing. */
export async function takeEphemeral(step: Step, eph: Eph): Promise<void> {
  const gid = rows.idOf(eph.gid);
  const chat = await rows.findChat(step.tx, gid);
  if (chat?.status !== "active" || chat.epoch !== eph.epoch || (await step.session()).rolled_back) return;
  let account: Id;
  try {
    const { group, event } = await (await step.loadGroup(gid)).receive(await step.env(), eph.body);
    if (event.kind !== "application" || event.pushedOut) return;
    const opened = await messages.openApplication(step, chat, event);
    const form = forms.parseForm(opened.content);
    if (form.form !== "control" || form.part.op !== "typing") return;
    await step.saveGroup(gid, group);
    account = opened.account;
  } catch (problem) {
    if (problem instanceof MlsError || problem instanceof ZajilError) return;
    throw problem;
  }
  if (account !== step.profile.account_id && (await rows.loadPrivacy(step.tx)).typing) {
    step.event("typing", await placeOf(step, gid), "", account);
  }
}
