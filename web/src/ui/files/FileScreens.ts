/** All that a chat shows of files, as one chunk. */
export { default as Files } from "./Files.svelte";
export { default as Recording } from "./Recording.svelte";
export { default as Tray } from "./Tray.svelte";
export { default as Uploading } from "./Uploading.svelte";
export { default as VoiceBar } from "./VoiceBar.svelte";
export { sayFileError, sayNothing, sayRefusal } from "./words.ts";
