"""Typed reading of parsed CBOR: each field is asked for by kind and size, and anything else is Malformed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zajil.protocol.cbor import Key, Parsed
from zajil.protocol.errors import error


class Fields:
    """The fields of one map or array, by key or position. Every method raises Malformed for another kind or size."""

    def __init__(self, values: Mapping[Key, Parsed]) -> None:
        self._values = values

    @classmethod
    def of_map(cls, value: Parsed, required: Iterable[Key], *, optional: Iterable[Key] = ()) -> Fields:
        """The fields of a map that has all required keys and no others than the optional ones."""
        required, optional = set(required), set(optional)
        if not isinstance(value, dict) or not required <= value.keys() <= required | optional:
            raise error("malformed", "map with other keys")
        return cls(value)

    @classmethod
    def of_open_map(cls, value: Parsed, required: Iterable[Key] = ()) -> Fields:
        """The fields of a map that has all required keys; others are left unread, for later versions."""
        if not isinstance(value, dict) or not set(required) <= value.keys():
            raise error("malformed", "map without a required key")
        return cls(value)

    @classmethod
    def of_array(cls, value: Parsed, *lengths: int) -> Fields:
        """The fields of an array of one of these lengths, keyed from 0."""
        if not isinstance(value, list) or len(value) not in lengths:
            raise error("malformed", "array of another length")
        return cls(dict(enumerate(value)))

    def __contains__(self, key: Key) -> bool:
        """Whether the field is there and not nil."""
        return self._values.get(key) is not None

    def raw(self, key: Key) -> Parsed:
        """The value as parsed, None when absent."""
        return self._values.get(key)

    def blob(self, key: Key, *, size: int | None = None, most: int | None = None) -> bytes:
        """Bytes of exactly `size`, or at most `most`."""
        value = self._values.get(key)
        if not isinstance(value, bytes) or size not in (None, len(value)) or (most is not None and len(value) > most):
            raise error("malformed", "bytes of another size")
        return value

    def blob_or_none(self, key: Key, *, size: int | None = None, most: int | None = None) -> bytes | None:
        """As `blob`, None when absent or nil."""
        return self.blob(key, size=size, most=most) if key in self else None

    def text(self, key: Key, *, most: int) -> str:
        """Text of at most `most` bytes of UTF-8."""
        value = self._values.get(key)
        if not isinstance(value, str) or len(value.encode()) > most:
            raise error("malformed", "text of another size")
        return value

    def text_or_none(self, key: Key, *, most: int) -> str | None:
        """As `text`, None when absent or nil."""
        return self.text(key, most=most) if key in self else None

    def number(self, key: Key, *, bits: int = 53) -> int:
        """An integer from 0 below 2^bits; never above 2^53 - 1, the last one JavaScript counts exactly."""
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise error("malformed", "number out of range")
        return value

    def number_or_none(self, key: Key, *, bits: int = 53) -> int | None:
        """As `number`, None when absent or nil."""
        return self.number(key, bits=bits) if key in self else None

    def flag(self, key: Key) -> bool:
        """True or false."""
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise error("malformed", "not true or false")
        return value

    def items(self, key: Key, *, most: int) -> list[Parsed]:
        """An array of at most `most` items."""
        value = self._values.get(key)
        if not isinstance(value, list) or len(value) > most:
            raise error("malformed", "array of another length")
        return value

    def pairs(self, key: Key, *, most: int) -> dict[Key, Parsed]:
        """A map of at most `most` pairs."""
        value = self._values.get(key)
        if not isinstance(value, dict) or len(value) > most:
            raise error("malformed", "map of another size")
        return value
