/** All that search shows, as one chunk. */
export { default as InChat } from "./InChat.svelte";
export { default as Results } from "./Results.svelte";
