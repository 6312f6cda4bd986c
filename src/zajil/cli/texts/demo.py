"""The words of `zajil demo`: what the narrator says, in the language of the person who watches."""

from __future__ import annotations

from zajil.cli.texts.text import Text

DEMO = Text(
    en="A two-minute story in this terminal: a server, three people, and what goes wrong.",
    ar="حكاية من دقيقتين في هذه الطرفيّة: خادم وثلاثة أشخاص وما قد يسوء.",
    ru="История на две минуты прямо в терминале: сервер, трое людей и всё, что может пойти не так.",
)
FAST_OPTION = Text(en="Without the pauses.", ar="دون وقفات.", ru="Без пауз.")

TITLE = Text(en="Zajil, in two minutes", ar="زاجل في دقيقتين", ru="Zajil за две минуты")
INTRO = Text(
    en="Nothing here is staged: a real server, real clients, real ciphertext in a folder that is deleted at the end.",
    ar="لا تمثيل هنا: خادم حقيقي وتطبيقات حقيقية ونصوص معمّاة حقيقية، في مجلّد يُحذف في النهاية.",
    ru="Здесь всё по-настоящему: сервер, клиенты и шифртекст — в папке, которая в конце будет удалена.",
)

SERVER_ACT = Text(en="A server", ar="خادم", ru="Сервер")
SERVER_STORY = Text(
    en="It orders and stores sealed messages. Code that could open them is not in it.",
    ar="يرتّب الرسائل المختومة ويحفظها، وليس فيه شيفرة قادرة على فتحها.",
    ru="Он упорядочивает и хранит запечатанные сообщения. Кода, способного их открыть, в нём нет.",
)
SERVER_UP = Text(
    en="Listening on {url}, process {pid}",
    ar="يستمع على {url}، العمليّة {pid}",
    ru="Слушает {url}, процесс {pid}",
)

PEOPLE_ACT = Text(en="Three people", ar="ثلاثة أشخاص", ru="Трое")
PEOPLE_STORY = Text(
    en="No phone number, no e-mail, no password: an account is a key that never leaves its device.",
    ar="لا رقم هاتف ولا بريد ولا كلمة سر: الحساب مفتاح لا يغادر جهازه أبدًا.",
    ru="Ни телефона, ни почты, ни пароля: учётная запись — это ключ, который не покидает устройство.",
)
PERSON_JOINS = Text(
    en="{name} registers; to the server that is {account}",
    ar="يسجَّل الحساب: {name}؛ واسمه عند الخادم {account}",
    ru="Регистрация: {name}; для сервера это {account}",
)
LINKS_STORY = Text(
    en="Amina sends her contact link, as one would on a scrap of paper. They talk.",
    ar="ترسل أمينة رابطها كما تُعطى قصاصة ورق، ثم يبدأ الحديث.",
    ru="Амина передаёт ссылку — как записку с адресом. Начинается разговор.",
)
SAFETY_EQUAL = Text(
    en="Both see the same safety number, {digits}…: nobody stands between them",
    ar="يرى الطرفان رقم الأمان نفسه {digits}…: لا أحد بينهما",
    ru="У обоих один и тот же код безопасности {digits}…: между ними никого нет",
)
EXACT = Text(
    en="Every byte arrived as it was written: Arabic, Russian, emoji",
    ar="وصل كل بايت كما كُتب: عربي وروسي ورموز تعبيريّة",
    ru="Каждый байт дошёл таким, каким был написан: арабский, русский, эмодзи",
)

GROUP_ACT = Text(en="A group", ar="مجموعة", ru="Группа")
GROUP_STORY = Text(
    en="Amina opens a group; its title, its members and its messages are sealed for the members alone.",
    ar="تنشئ أمينة مجموعة؛ عنوانها وأعضاؤها ورسائلها مختومة للأعضاء وحدهم.",
    ru="Амина создаёт группу; её название, состав и сообщения запечатаны — только для участников.",
)
GROUP_MADE = Text(
    en="“{title}” stands; members: {count}, keys of round {epoch}",
    ar="أُنشئت «{title}»؛ الأعضاء: {count}، ومفاتيح الجولة {epoch}",
    ru="«{title}» создана; участников: {count}, ключи раунда {epoch}",
)
GROUP_AGREE = Text(
    en="All three hold the same history", ar="السجلّ نفسه لدى الثلاثة", ru="У всех троих одна и та же переписка"
)

OFFLINE_ACT = Text(en="Someone is offline", ar="أحدهم بلا اتصال", ru="Кого-то нет в сети")
OFFLINE_STORY = Text(
    en="Clara's phone is in a tunnel. The others write {count} messages; the last one says:",
    ar="هاتف كلارا في نفق. يكتب الآخران {count} رسالة، آخرها:",
    ru="Телефон Клары в туннеле. Остальные пишут {count} сообщений, последнее из них:",
)
STORED_STORY = Text(
    en="This is all the server holds of that message, while it waits for Clara:",
    ar="هذا كل ما لدى الخادم من تلك الرسالة وهي تنتظر كلارا:",
    ru="Вот всё, что есть у сервера от этого сообщения, пока оно ждёт Клару:",
)
STORED_MORE = Text(en="… {count} bytes in all", ar="… والمجموع {count} بايت", ru="… всего байтов: {count}")
STORED_NOTHING = Text(
    en="No text, name or title in any of the server's {count} files",
    ar="لا نصّ ولا اسم ولا عنوان في أي من ملفات الخادم وعددها {count}",
    ru="Ни текста, ни имён, ни названий ни в одном из файлов сервера ({count})",
)
STORED_NO_SENDER = Text(
    en="No column for a sender, none for members of a group",
    ar="لا عمود للمرسل ولا لأعضاء المجموعات",
    ru="Нет столбца ни для отправителя, ни для участников групп",
)
OFFLINE_BACK = Text(
    en="Clara is back: {count} messages, in order, each once",
    ar="عادت كلارا: {count} رسالة، بالترتيب، كل واحدة مرّة",
    ru="Клара вернулась: сообщений {count}, по порядку, каждое один раз",
)
FORGOTTEN = Text(
    en="What has been delivered is gone from the server: sealed bodies left: {count}",
    ar="ما سُلِّم اختفى من الخادم: المتبقّي من الرسائل المختومة: {count}",
    ru="Доставленное с сервера исчезло: осталось запечатанных сообщений: {count}",
)

DEVICE_ACT = Text(en="A second device", ar="جهاز ثانٍ", ru="Второе устройство")
DEVICE_STORY = Text(
    en="Amina takes her laptop. It shows a code, her phone lets it in and brings it into her groups.",
    ar="تُحضر أمينة حاسوبها. يعرض رمزًا فيسمح له هاتفها بالدخول ويضمّه إلى مجموعاتها.",
    ru="Амина достаёт ноутбук. Он показывает код, телефон впускает его и добавляет в её группы.",
)
DEVICE_CODE = Text(en="Code on the laptop: {code}…", ar="الرمز على الحاسوب: {code}…", ru="Код на ноутбуке: {code}…")
DEVICE_IN = Text(
    en="The laptop is device {device} and sits in “{title}”",
    ar="الحاسوب هو الجهاز {device} وقد دخل «{title}»",
    ru="Ноутбук — устройство № {device}, и он уже в «{title}»",
)
DEVICE_READS = Text(
    en="What is written now reaches both of Amina's devices",
    ar="ما يُكتب الآن يصل إلى جهازَي أمينة معًا",
    ru="Новые сообщения приходят на оба устройства Амины",
)
DEVICE_WRITES = Text(
    en="What she writes on the laptop is read by all, under her name",
    ar="وما تكتبه على الحاسوب يقرؤه الجميع باسمها",
    ru="Написанное с ноутбука читают все, и подписано оно её именем",
)

REMOVED_ACT = Text(en="Someone has to go", ar="أحدهم خارج المجموعة", ru="Кому-то придётся уйти")
REMOVED_STORY = Text(
    en="Clara's phone was lost at the market. Amina removes her; all keys change before the next word.",
    ar="ضاع هاتف كلارا في السوق. تُخرجها أمينة فتتغيّر كل المفاتيح قبل الكلمة التالية.",
    ru="Клара потеряла телефон на рынке. Амина исключает её; все ключи меняются до следующего слова.",
)
REMOVED_ROUND = Text(
    en="Keys of round {before} became round {after}",
    ar="انتقلت المفاتيح من الجولة {before} إلى الجولة {after}",
    ru="Ключи: раунд {before} сменился раундом {after}",
)
REMOVED_SENDS = Text(
    en="Whoever found the phone tries to write, with the keys that are still on it:",
    ar="من وجد الهاتف يحاول الكتابة بالمفاتيح الباقية فيه:",
    ru="Нашедший пробует писать — ключами, которые остались в телефоне:",
)
REMOVED_REFUSED = Text(en="Refused: {code}", ar="رُفض: {code}", ru="Отказ: {code}")
REMOVED_READS = Text(
    en="and to read: of what was written since, nothing came, and nothing opens",
    ar="ويحاول القراءة: لم يصل شيء مما كُتب بعدها ولا يُفتح منه شيء",
    ru="и читать: из написанного после ничего не пришло и ничего не открылось",
)
REMOVED_OTHERS = Text(en="The others read on", ar="والآخرون يتابعون القراءة", ru="Остальные продолжают переписку")

KILL_ACT = Text(en="The server is killed", ar="مقتل الخادم", ru="Сервер убит")
KILL_STORY = Text(
    en="Amina and Boris write at once, {count} messages. In the middle the server gets SIGKILL: no goodbye, no flush.",
    ar="تكتب أمينة وبوريس معًا، {count} رسالة. وفي وسطها يُقتل الخادم بإشارة SIGKILL: لا وداع ولا حفظ أخير.",
    ru="Амина и Борис пишут одновременно, {count} сообщений. Посередине сервер получает SIGKILL, без предупреждения.",
)
KILLED = Text(
    en="Process {pid} is dead; {count} messages had been acknowledged",
    ar="ماتت العمليّة {pid}، وكان قد أُكّد استلام {count} رسالة",
    ru="Процесс {pid} мёртв; подтверждено было сообщений: {count}",
)
RESTARTED = Text(
    en="Started again as process {pid}; the clients notice by themselves",
    ar="أُعيد تشغيله بالعمليّة {pid}، وتنتبه التطبيقات من تلقاء نفسها",
    ru="Запущен снова, процесс {pid}; клиенты замечают это сами",
)
KILL_NOTHING_LOST = Text(
    en="{count} of {total} arrived; of those acknowledged before the kill, none is missing",
    ar="وصلت {count} من {total}، ولم تُفقد أي رسالة أُكّدت قبل القتل",
    ru="Дошло {count} из {total}; из подтверждённых до остановки не потеряно ни одного",
)
KILL_NOTHING_TWICE = Text(en="None is shown twice", ar="ولم تظهر أي رسالة مرّتين", ru="Ни одно не показано дважды")

SUMMARY_ACT = Text(en="What you saw", ar="ما رأيته", ru="Что вы увидели")
SUMMARY_HELD = Text(
    en="{count} checks, all of them held, in {seconds} seconds.",
    ar="عدد الفحوص {count}، وكلها صحيحة، في {seconds} ثانية.",
    ru="Проверок: {count}, все пройдены, за {seconds} с.",
)
SUMMARY_BROKEN = Text(
    en="{broken} of {count} checks did not hold.",
    ar="لم يصحّ {broken} من {count} من الفحوص.",
    ru="Не пройдено проверок: {broken} из {count}.",
)
SUMMARY_GONE = Text(
    en="The folder with all of it has been deleted.",
    ar="وقد حُذف المجلّد بكل ما فيه.",
    ru="Папка со всем этим удалена.",
)
SUMMARY_NEXT = Text(en="Your turn:  zajil run", ar="حان دورك:  zajil run", ru="Теперь вы:  zajil run")
BROKE_OFF = Text(
    en="The story broke off here: {code}", ar="انقطعت الحكاية هنا: {code}", ru="История оборвалась здесь: {code}"
)
