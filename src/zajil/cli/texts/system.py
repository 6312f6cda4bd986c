"""Why the operating system refuses a file or folder; its own sentences are English for most people."""

from __future__ import annotations

import errno
from typing import Final

from zajil.cli.texts.text import Text

REASONS: Final = {
    errno.ENOENT: Text(
        en="no such file or folder", ar="لا يوجد ملف أو مجلّد بهذا الاسم", ru="нет такого файла или папки"
    ),
    errno.EISDIR: Text(en="it is a folder", ar="هذا مجلّد", ru="это папка"),
    errno.ENOTDIR: Text(en="a part of the path is a file", ar="في المسار ملفّ مكان مجلّد", ru="в пути файл вместо папки"),
    errno.EACCES: Text(en="you may not", ar="لا إذن لك بذلك", ru="нет прав"),
    errno.EPERM: Text(en="you may not", ar="لا إذن لك بذلك", ru="нет прав"),
    errno.EEXIST: Text(en="it is there already", ar="موجود من قبل", ru="уже существует"),
    errno.ENOSPC: Text(en="the disk is full", ar="القرص ممتلئ", ru="на диске нет места"),
    errno.EROFS: Text(en="the disk is read-only", ar="القرص للقراءة فقط", ru="диск только для чтения"),
    errno.ENAMETOOLONG: Text(en="the name is too long", ar="الاسم طويل جدًّا", ru="слишком длинное имя"),
}


def say_reason(error: OSError) -> str:
    """The reason in the person's language; in the system's words where it is a rare one."""
    known = REASONS.get(error.errno or 0)
    return known() if known is not None else error.strerror or type(error).__name__
