/**
 * Messages whose files are still going out: rows of `upload`, and what happens to them. Twin of zajil.client.files.jobs.
 *
 * Parts of an archive wait here too, as a job of no chat: no message names them, whoever gets them knows where they will be.
 *
 * A message gets its id when it is whole, and its body names the attachments, whose ids the server makes; so it is queued
 * once the last of its files is at the server. Until then the row holds all of it, and the ciphertext, made once, lies in
 * chunks. Whatever ends the worker, the next one goes on where the server says that it stands.
 */
import { paddedBytes } from "../../protocol/attachments.ts";
import * as content from "../../protocol/chat/content.ts";
import { encodeFiles, type File } from "../../protocol/chat/files.ts";
import type { Look as Shape } from "../../protocol/chat/looks.ts";
import { ZajilError } from "../../protocol/errors.ts";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import * as outbox from "../rules/outbox.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import type { ReadTx } from "../store/types.ts";
import * as blobs from "./blobs.ts";

/**
 * One file on its way. blob: names its ciphertext. passes: taken, and not known to be spent. secret: of the upload, empty
 * before it began.
 */
export interface Part {
  readonly blob: Uint8Array;
  readonly file: File;
  readonly look: Shape | null;
  readonly passes: readonly Uint8Array[];
  readonly secret: Uint8Array;
  readonly done: boolean;
}

/** A message that waits for its files. job: 16 random bytes. gid: empty for the parts of an archive. text: with links for mentions. at: Unix ms. */
export interface Upload {
  readonly job: Id;
  readonly gid: Id;
  readonly at: number;
  readonly text: string;
  readonly reply_to: Id;
  readonly parts: readonly Part[];
}

export const NO_ID = new Uint8Array(16);

/** Bytes of all its ciphertexts. */
export const wholeBytes = ({ parts }: Upload): number =>
  parts.reduce((sum, { file }) => sum + paddedBytes(file.size), 0);

/** Those of its files that are whole at the server. */
export const doneBytes = ({ parts }: Upload): number =>
  parts.reduce((sum, { file, done }) => sum + (done ? paddedBytes(file.size) : 0), 0);

/** Keep a message until its files are at the server. Throws `not-a-member`, and whatever forbids sending. */
export async function submit(step: Step, upload: Upload): Promise<void> {
  await outbox.checkMaySend(step);
  await chats.checkWriter(step, upload.gid);
  await step.tx.append("upload", rows.bytesOf(upload.gid), rows.bytesOf(upload.job), rows.encodeRow(upload));
}

/** Whether these are the announced parts of an archive, which wait to go up and become no message. */
export const isArchive = ({ gid }: Pick<Upload, "gid">): boolean => gid === "";

/** Keep the announced parts of an archive until they are at the server. */
export async function submitArchive(step: Step, upload: Upload): Promise<void> {
  const job = rows.bytesOf(upload.job);
  await step.tx.append("upload", job, job, rows.encodeRow(upload));
}

/** All of them, the first one first. */
export async function uploads(tx: ReadTx): Promise<Upload[]> {
  return (await tx.rows("upload")).map(([, data]) => rows.parseRow<Upload>(data));
}

/** The message of this job with its number, while it waits. */
export async function find(tx: ReadTx, job: Id): Promise<[number, Upload] | undefined> {
  const found = await tx.lookup("upload", rows.bytesOf(job));
  return found && [found[0], rows.parseRow<Upload>(found[1])];
}

/** Write part n of a job, if it is not over. */
export async function changePart(step: Step, job: Id, { n, part }: { readonly n: number; readonly part: Part }) {
  const found = await find(step.tx, job);
  if (found === undefined) return;
  const parts = found[1].parts.with(n, part);
  await step.tx.replace("upload", found[0], rows.encodeRow({ ...found[1], parts }));
}

/** All files of a job are at the server: its message is queued, or stands as failed where its chat is over. */
export async function finish(step: Step, job: Id): Promise<void> {
  const found = await find(step.tx, job);
  if (found === undefined) return;
  const [n, upload] = found;
  if (isArchive(upload)) return drop(step, n, upload);
  let message: Id;
  try {
    const { gid } = await chats.checkWriter(step, upload.gid);
    message = await queue(step, gid, upload);
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    message = await showFailed(step, upload, problem.code);
  }
  await step.tx.remove("upload", n);
  await keep(step, upload, message);
}

/** A file of a job will not go out: its message stands as failed. */
export async function fail(step: Step, job: Id, reason: string): Promise<void> {
  const found = await find(step.tx, job);
  if (found === undefined) return;
  const [n, upload] = found;
  if (isArchive(upload)) return drop(step, n, upload);
  const parts = upload.parts.map((part) =>
    part.done ? part : { ...part, file: { ...part.file, attachment_id: NO_ID } },
  );
  const message = await showFailed(step, { ...upload, parts }, reason);
  await step.tx.remove("upload", n);
  await keep(step, upload, message);
}

/** Nothing of a job is sent; whether it still waited. */
export async function withdraw(step: Step, job: Id): Promise<Upload | undefined> {
  const found = await find(step.tx, job);
  if (found === undefined) return undefined;
  await drop(step, ...found);
  return found[1];
}

async function drop(step: Step, n: number, { parts }: Upload): Promise<void> {
  await step.tx.remove("upload", n);
  for (const { blob } of parts) blobs.dropBlob(step, blob);
}

/** What is at the server stays here too, as if it had been fetched; the rest goes. */
async function keep(step: Step, { gid, parts }: Upload, message: Id): Promise<void> {
  for (const { blob, file, done } of parts) {
    const whole = paddedBytes(file.size);
    const row = { name: blobs.nameOf(file), blob, whole, have: whole, used: step.now, gid, message };
    if (done) await blobs.saveRow(step, row);
    else blobs.dropBlob(step, blob);
  }
}

async function queue(step: Step, gid: Id, upload: Upload): Promise<Id> {
  // The message that it answers may have moved while the files went out.
  const reply_to = await messages.movedId(step, upload.reply_to === "" ? null : rows.bytesOf(upload.reply_to));
  const blank = contentOf(step, gid, { ...upload, reply_to: reply_to ? rows.idOf(reply_to) : "" });
  const body = await messages.withSpan(step, gid, blank);
  const message = await messages.submitContent(step, gid, body, { shown: true });
  await messages.isNews(step, message);
  await messages.show(step, rowOf(step, { ...upload, gid }, { message, body }));
  return message;
}

/** It stands in its chat as failed, under an id that no other message has. */
async function showFailed(step: Step, upload: Upload, reason: string): Promise<Id> {
  const chat = await rows.findChat(step.tx, upload.gid);
  const gid = chat?.merged || upload.gid;
  const message = rows.idOf(Uint8Array.of(1, ...step.rng(31)));
  const row = rowOf(step, { ...upload, gid }, { message, body: contentOf(step, gid, upload) });
  const lost = upload.parts.some(({ done }) => !done);
  await messages.show(step, { ...row, state: "failed", reason, ...(lost && { lost }) });
  return message;
}

function contentOf(step: Step, gid: Id, { parts, text, reply_to }: Upload): content.MimiContent {
  const form = {
    files: parts.map(({ file }) => file),
    looks: parts.map(({ look }) => look),
    text,
    reply_to: reply_to === "" ? null : rows.bytesOf(reply_to),
  };
  return encodeFiles(form, { salt: step.rng(16), extensions: messages.extensions(step, gid) });
}

function rowOf(
  step: Step,
  { gid, text }: Upload,
  { message, body }: { readonly message: Id; readonly body: content.MimiContent },
): rows.StoredMessage {
  return {
    ...rows.EMPTY_MESSAGE,
    message_id: message,
    gid,
    account: step.profile.account_id,
    device: step.profile.device_id,
    sent: step.now,
    arrived: step.now,
    state: "queued",
    text,
    reply_to: body.in_reply_to ? rows.idOf(body.in_reply_to) : "",
    kept: content.encodeContent(body),
    expire_s: body.expires?.time ?? 0,
  };
}
