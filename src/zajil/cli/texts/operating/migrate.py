"""`migrate`."""

from __future__ import annotations

from zajil.cli.texts.text import Text

MIGRATE = Text(
    en="Bring a stopped server's database to the schema of this version.",
    ar="رفع قاعدة بيانات خادم متوقف إلى مخطط هذا الإصدار.",
    ru="Привести базу остановленного сервера к схеме этой версии.",
)
CHECK = Text(
    en="Change nothing; exit code 1 when there is something to do.",
    ar="دون تغيير شيء؛ ورمز الخروج 1 إن بقي ما يُفعل.",
    ru="Ничего не менять; код выхода 1, если есть что делать.",
)
DONE = Text(
    en="The database went from schema {stamped} to {newest}.",
    ar="انتقلت قاعدة البيانات من المخطط {stamped} إلى {newest}.",
    ru="База переведена со схемы {stamped} на {newest}.",
)
DUE = Text(
    en="The database is at schema {stamped}; this version has {newest}. Back it up, then:  {command}",
    ar="قاعدة البيانات على المخطط {stamped}، ولهذا الإصدار {newest}. انسخها احتياطيًّا ثم:  {command}",
    ru="База на схеме {stamped}, у этой версии — {newest}. Сделайте копию, затем:  {command}",
)
NOTHING = Text(
    en="The database is at schema {newest}, as this version has it: nothing to do.",
    ar="قاعدة البيانات على المخطط {newest} كما في هذا الإصدار: لا شيء يُفعل.",
    ru="База на схеме {newest}, как и у этой версии: делать нечего.",
)
