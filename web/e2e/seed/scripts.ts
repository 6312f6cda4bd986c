/** Conversations of the busy scene, in three languages. Every name is made up. */
import { must, stream, type Line } from "./world.ts";

export const MARKET_PEOPLE = [
  "Marta Lindqvist",
  "عمر نصّار",
  "Анна Соколова",
  "Kofi Mensah",
  "Noor Al-Amin",
  "Sofia Reyes",
  "Павел",
] as const;

const SMALL_TALK: readonly string[] = [
  "Morning, everyone.",
  "I can bring the folding tables again.",
  "Do we still have the banner from last time?",
  "It is in my cellar, dry and rolled up.",
  "The council wants a list of stalls by Monday.",
  "I will write it tonight and send it round.",
  "صباح الخير جميعًا، من سيُحضر المظلّات؟",
  "عندي اثنتان كبيرتان وواحدة صغيرة.",
  "Кто-нибудь проверил прогноз на субботу?",
  "Обещают солнце и слабый ветер.",
  "Then we can leave the tent at home.",
  "Better safe than sorry, I will take it along.",
  "Has anybody asked the band?",
  "They said yes, two sets of forty minutes.",
  "هل نحتاج إلى مولّد كهرباء أم يكفي مقبس المقهى؟",
  "المقهى وافق، بشرط أن نعيد الكابل ملفوفًا هذه المرّة.",
  "Я привезу скатерти, их много.",
  "Could somebody take the early shift? I am only free from ten.",
  "I can, I am up at five anyway.",
  "Coffee is on me, then.",
  "Number of jars so far: 112.",
  "We sold 96 last year, so that should do.",
  "👍",
  "The key to the shed is with Kofi.",
  "Нужен ещё один стол для мёда.",
  "أضفت طاولة العسل إلى القائمة.",
  "Thanks, that was quick.",
  "Remember small change, at least fifty in coins.",
  "See you at the gate at 7:30.",
  "Perfect.",
];

const SPEAKERS = [
  "Marta Lindqvist",
  "Kofi Mensah",
  "me",
  "عمر نصّار",
  "Анна Соколова",
  "Sofia Reyes",
  "me",
  "Noor Al-Amin",
] as const;

/** `count` lines of small talk over some weeks. */
export function smallTalk(count: number, name: string): Line[] {
  const next = stream(name);
  return Array.from({ length: count }, (_, index) => {
    const text = must(SMALL_TALK[(index + Math.floor(next() * 3)) % SMALL_TALK.length]);
    const gap = next() < 0.06 ? 900 + Math.floor(next() * 900) : 1 + Math.floor(next() * 9);
    return { who: must(SPEAKERS[Math.floor(next() * SPEAKERS.length)]), text, gap };
  });
}

/** The end of the group's conversation: every kind of line there is. */
export const MARKET: readonly Line[] = [
  { gap: 1500, notice: { code: "added", by: "Marta Lindqvist", whom: ["Павел"] } },
  { who: "Marta Lindqvist", text: "Welcome, @Павел! We are planning Saturday.", gap: 1 },
  {
    who: "Павел",
    text: "Всем привет! Спасибо, что позвали.",
    gap: 3,
    react: [["👋", "me", "Анна Соколова", "Kofi Mensah"]],
  },
  {
    who: "Kofi Mensah",
    text: "Plan for the day:\n7:30 gate opens\n8:00 tables and tents\n9:00 first visitors\n14:00 music\n17:00 clean up together",
    gap: 9,
    react: [
      ["❤️", "Marta Lindqvist", "me"],
      ["👍", "Sofia Reyes", "Noor Al-Amin", "Анна Соколова"],
    ],
  },
  { who: "me", text: "I will do the gate and the first coffee.", gap: 2, reply: 1 },
  { who: "عمر نصّار", text: "وأنا مسؤول عن الخبز: 40 رغيفًا و 25 كعكة بالسمسم، وسأصل عند 7:45.", gap: 5 },
  { who: "Sofia Reyes", deleted: true, gap: 1 },
  {
    who: "Sofia Reyes",
    text: "Wrong chat, sorry 🙈",
    gap: 1,
    react: [["😂", "me", "Marta Lindqvist", "Kofi Mensah", "Павел"]],
  },
  { notice: { code: "renamed", by: "Marta Lindqvist", text: "Saturday market" }, gap: 4 },
  { who: "Анна Соколова", text: "@Layla, ты сможешь забрать мёд у моей мамы? Она живёт рядом с тобой.", gap: 60 },
  {
    who: "me",
    text: "Конечно, заеду в пятницу вечером.",
    gap: 2,
    reply: 1,
    before: "Конечно, заеду в четверг вечером.",
  },
  { who: "Анна Соколова", text: "Спасибо! ❤️", gap: 1 },
  {
    who: "Noor Al-Amin",
    text: "The stall map is here: https://example.org/maps/saturday-market?stall=14 and the weather at https://weather.example/",
    gap: 30,
  },
  { who: "Kofi Mensah", text: "Stall 14 is ours, next to the fountain ⛲", gap: 2, reply: 1 },
  { who: "me", text: "Great spot.", gap: 1 },
  { who: "me", text: "And it has a plug.", gap: 0 },
  { who: "me", text: "I asked.", gap: 0, react: [["🎉", "Marta Lindqvist"]] },
  { who: "عمر نصّار", text: "ممتاز، إذن لا نحتاج إلى المولّد.", gap: 12 },
  {
    who: "Marta Lindqvist",
    text: "One more thing: the bank only opens at ten, so please bring coins if you have some. I can pay you back the same day, and whoever has a card reader that works without a network should bring that as well.",
    gap: 40,
  },
  { who: "Павел", text: "🪙🪙🪙", gap: 3 },
  { who: "Sofia Reyes", text: "I have €60 in coins and the reader.", gap: 2, state: "received" },
  { who: "me", text: "Then we are set. See you on Saturday!", gap: 6, state: "delivered" },
];

export const OMAR: readonly Line[] = [
  { notice: { code: "created" } },
  { who: "عمر نصّار", text: "السلام عليكم، كيف الحال؟", gap: 2 },
  { who: "me", text: "وعليكم السلام! بخير والحمد لله، وأنت؟", gap: 3 },
  { who: "عمر نصّار", text: "تمام. هل وصلك الملف الذي حدّثتك عنه؟", gap: 1440 },
  { who: "me", text: "نعم، قرأته كاملًا. الفكرة واضحة، لكن الصفحة 3 تحتاج إلى مثال.", gap: 4 },
  { who: "عمر نصّار", text: "معك حق، سأضيف مثالًا من الرياضيات: 2 + 3 × 4 = 14.", gap: 2, reply: 1 },
  { who: "me", text: "جميل 👌", gap: 1 },
  { who: "عمر نصّار", text: "والموعد يوم الأحد الساعة 18:30 في مقهى Café Blå، أليس كذلك؟", gap: 50 },
  { who: "me", text: "بلى. سأحجز طاولة لأربعة أشخاص.", gap: 2, react: [["🙏", "عمر نصّار"]] },
  { who: "عمر نصّار", text: "رائع، شكرًا جزيلًا!", gap: 1 },
];

export const ANNA: readonly Line[] = [
  { notice: { code: "created" } },
  { who: "me", text: "Привет! Как доехала?", gap: 1 },
  { who: "Анна Соколова", text: "Хорошо, поезд опоздал всего на десять минут.", gap: 8 },
  { who: "Анна Соколова", text: "Уже дома, пью чай с малиновым вареньем.", gap: 1, react: [["❤️", "me"]] },
  { who: "me", text: "Завидую 🙂", gap: 2 },
  { who: "Анна Соколова", text: "Приезжай в гости, варенья хватит на всех.", gap: 300 },
  { who: "Анна Соколова", text: "Кстати, мама передаёт привет.", gap: 1 },
  { who: "Анна Соколова", text: "И банку мёда!", gap: 1 },
];

export const FAMILY: readonly Line[] = [
  { notice: { code: "created", by: "جدّتي" } },
  { who: "جدّتي", text: "حبايبي، العشاء عندي يوم الجمعة.", gap: 3 },
  { who: "يوسف بن سالم", text: "إن شاء الله نأتي جميعًا 🌙", gap: 6, react: [["❤️", "جدّتي", "رنا"]] },
  { who: "رنا", text: "ماذا نُحضر معنا يا جدّتي؟", gap: 2 },
  { who: "جدّتي", text: "أحضروا أنفسكم فقط.", gap: 1, reply: 1, react: [["😂", "رنا", "يوسف بن سالم", "me"]] },
  { who: "رنا", text: "سأعمل تبّولة على أي حال.", gap: 14 },
  { who: "يوسف بن سالم", text: "@Layla هل تمرّين عليّ بالسيارة عند السابعة؟", gap: 20 },
];

export const TRAVEL: readonly Line[] = [
  { notice: { code: "created", by: "Павел" } },
  { who: "Павел", text: "Билеты на июнь уже продают.", gap: 5 },
  { who: "Ирина", text: "Я бы взяла ночной поезд, там купе удобнее.", gap: 3 },
  {
    who: "Тимур",
    text: "Голосую за горы!",
    gap: 2,
    react: [
      ["⛰️", "Павел", "Ирина"],
      ["👍", "Тимур"],
    ],
  },
  { who: "Ирина", text: "А я за море. Или сначала горы, потом море.", gap: 8 },
  { who: "Павел", text: "Тогда две недели. Составлю маршрут.", gap: 4 },
];

export const MARTA: readonly Line[] = [
  { notice: { code: "created" } },
  { who: "Marta Lindqvist", text: "Did you get home all right?", gap: 2 },
  { who: "me", text: "Yes, thanks for the lift!", gap: 5 },
  { who: "Marta Lindqvist", text: "Any time. You left your scarf in the car, by the way.", gap: 2 },
];

export const KOFI: readonly Line[] = [
  { notice: { code: "created" } },
  { who: "Kofi Mensah", text: "Can you send me the address of the workshop?", gap: 3 },
  { who: "me", text: "12 Harbour Lane, second yard, blue door.", gap: 4, state: "sent" },
  { who: "me", text: "Ring twice, the bell is shy.", gap: 1, state: "failed", reason: "not-a-member" },
];

export const NOOR: readonly Line[] = [
  { notice: { code: "created" } },
  { who: "Noor Al-Amin", text: "🎂🎈", gap: 1 },
  { who: "me", text: "Thank you!! 🥰", gap: 2 },
  { who: "Noor Al-Amin", text: "🎉", gap: 1, state: "received" },
];

export const LONG: readonly Line[] = [
  { notice: { code: "created" } },
  {
    who: "Bartholomew Featherstonehaugh-Cholmondeley III",
    text:
      "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" +
      "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    gap: 2,
  },
  { who: "me", text: "https://example.org/a/very/long/path/that/never/ends/" + "0123456789abcdef".repeat(6), gap: 2 },
  {
    who: "Bartholomew Featherstonehaugh-Cholmondeley III",
    text: "<img src=x onerror=alert(1)> & <b>not bold</b>",
    gap: 2,
  },
  { notice: { code: "undecryptable" }, gap: 3 },
  { notice: { code: "gap" }, gap: 3 },
  { who: "Bartholomew Featherstonehaugh-Cholmondeley III", text: "שלום, مرحبا, hello 123 (456) — ¿qué tal?", gap: 4 },
];

export const SELF: readonly Line[] = [
  { who: "me", text: "Buy: coins, string, tape, 2 kg flour", gap: 1, state: "sent" },
  { who: "me", text: "رقم الحجز 48-2210", gap: 900, state: "sent" },
  { notice: { code: "device-added", by: "me" }, gap: 200 },
];

export const ECHO: readonly Line[] = [
  { notice: { code: "created" } },
  { who: "me", text: "Hello, Echo!", gap: 1 },
  { who: "Echo", text: "Hello, Echo!", gap: 0 },
];

/** Talk in a chat whose messages disappear: read and running, not yet read, an answer to what is gone, changed twice. */
export function disappearing(who: string, timer: number): readonly Line[] {
  return [
    { notice: { code: "timer", by: "me", text: "3600" }, gap: 1 },
    { notice: { code: "timer", by: who, text: String(timer) }, gap: 1 },
    { who, text: "The door code is 4417 📦", gap: 1, span: timer, left: timer * 1000 - 25_000 },
    { who, text: "رمز الباب 4417", gap: 1, span: timer, left: 23.5 * 3_600_000 },
    { who: "me", text: "Спасибо, записываю.", gap: 1, span: timer, left: 95_000, state: "read" },
    { who: "me", text: "And the side gate?", gap: 1, reply: 3, quoteGone: true, span: timer, state: "delivered" },
  ];
}
