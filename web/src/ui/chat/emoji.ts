/** A small palette for reactions, in five rows of meaning. Loaded when it is opened. */

export const EMOJI: readonly string[] = [
  ..."👍 👎 👌 👏 🙌 🤝 💪 🙏 ✌️ 🤞 👋 🫶".split(" "),
  ..."😀 😁 😂 🤣 😊 😍 😘 😎 🤔 🙄 😅 😉 😇 🥳 🤗 🤩 😴 😮 😢 😭 😡 😱 🥺 🤯 🙈".split(" "),
  ..."❤️ 🧡 💛 💚 💙 💜 🖤 🤍 💔 🔥 ✨ 🎉 🎂 🌹 🌸 ☀️ 🌙 ⭐ 🌈".split(" "),
  ..."☕ 🍵 🍞 🍯 🍎 🍕 🎶 📷 📚 ✈️ 🚗 🏠 ⚽ 🕊️".split(" "),
  ..."✅ ❌ ❗ ❓ 💯 ⏰ 🔒 📌 ➕ ➖ 🆗".split(" "),
];
