/** Both parts of a catalogue are there whatever the order in which they were asked for. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

beforeEach(() => {
  vi.stubGlobal("document", { documentElement: {} });
  vi.resetModules();
});

// Files share a worker: neither words that stand for others, nor the language of the last test, are for the next one.
afterEach(() => {
  for (const name of ["keys/call", "en/call", "en/first", "ar/first", "ru/first"])
    vi.doUnmock(`virtual:messages/${name}`);
  vi.resetModules();
});

test("the words of later screens come when they are asked for, and follow the language", async () => {
  const { t, useAllWords, useLanguage } = await import("./catalogue.ts");
  await useLanguage("en");
  expect(t.chats()).toBe("Chats");
  expect(t.settings_title()).toBe("settings_title");
  await useAllWords();
  expect(t.settings_title()).toBe("Settings");
  await useLanguage("ru");
  expect(t.settings_title()).toBe("Настройки");
});

test("a language chosen meanwhile brings all of them", async () => {
  const { language, t, useAllWords, useLanguage } = await import("./catalogue.ts");
  await useLanguage("en");
  const coming = useAllWords();
  const chosen = useLanguage("ar");
  await coming;
  expect(language()).toBe("ar");
  expect(t.settings_title()).not.toBe("settings_title");
  await chosen;
  expect(t.settings_title()).not.toBe("settings_title");
});

test("asked for while a language is on its way", async () => {
  const { language, t, useAllWords, useLanguage } = await import("./catalogue.ts");
  const chosen = useLanguage("ru");
  await useAllWords();
  await chosen;
  expect(language()).toBe("ru");
  expect(t.settings_title()).toBe("Настройки");
});

test("each part comes by itself, and again where it failed to come", async () => {
  const { t, useAllWords, useLanguage, useWords } = await import("./catalogue.ts");
  await useLanguage("en");
  await useWords("chat");
  expect(t.composer()).toBe("Message");
  expect(t.settings_title()).toBe("settings_title");
  await Promise.all([useAllWords(), useWords("later", "chat"), useAllWords()]);
  expect(t.settings_title()).toBe("Settings");
  vi.doMock("virtual:messages/keys/call", () => ({ default: ["call_answer"] }));
  vi.doMock("virtual:messages/en/call", () => {
    throw new Error("no network");
  });
  const both = await Promise.allSettled([useWords("call"), useWords("call")]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await useAllWords();
  expect(t.composer()).toBe("Message");
  vi.doMock("virtual:messages/en/call", () => ({ default: ["Answer"] }));
  await useWords("call");
  expect(t.call_answer()).toBe("Answer");
});

test("a language whose words are not here leaves its place to one that is, until there is a network", async () => {
  const online = new EventTarget();
  vi.stubGlobal("addEventListener", online.addEventListener.bind(online));
  const away = (): never => {
    throw new Error("no network");
  };
  vi.doMock("virtual:messages/ar/first", away);
  vi.doMock("virtual:messages/en/first", away);
  const { beginWith, language, t, useWords } = await import("./catalogue.ts");
  await beginWith("ar");
  expect([language(), t.chats()]).toEqual(["ru", "Чаты"]);
  await useWords("chat");
  expect(t.composer()).toBe("Сообщение");
  // The network that has just come carries nothing yet.
  online.dispatchEvent(new Event("online"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const name of ["ar/first", "en/first"]) vi.doUnmock(`virtual:messages/${name}`);
  await vi.waitFor(() => expect(language()).toBe("ar"), { timeout: 3_000 });
  expect(t.chats()).not.toBe("Чаты");
});

test("where no language has come, the chosen one comes with the words of the next screen", async () => {
  vi.stubGlobal("addEventListener", () => undefined);
  const names = ["ar/first", "en/first", "ru/first"];
  for (const name of names)
    vi.doMock(`virtual:messages/${name}`, () => {
      throw new Error("no network");
    });
  const { beginWith, language, useWords } = await import("./catalogue.ts");
  await beginWith("ar");
  for (const name of names) vi.doUnmock(`virtual:messages/${name}`);
  await useWords("start");
  expect(language()).toBe("ar");
});
