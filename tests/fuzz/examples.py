"""A value for each type that travels as JSON, made from the type itself."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

from zajil.protocol.ids import Blob, encode_b64


def example(kind: Any) -> Any:  # Any: a type, and JSON of it
    """The least JSON of a type, all its optional fields among it."""
    return _made(inspect.type_info(kind))


def encoded(kind: type[msgspec.Struct]) -> bytes:
    return msgspec.json.encode(example(kind))


def _made(kind: inspect.Type) -> Any:  # Any: JSON
    match kind:
        case inspect.StructType():
            tag = {kind.tag_field: kind.tag} if kind.tag_field is not None else {}
            return tag | {field.encode_name: _made(field.type) for field in kind.fields}
        case inspect.UnionType():
            return _made(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return [_made(kind.item_type)] * max(1, kind.min_length or 0)
        case inspect.TupleType():
            return [_made(item) for item in kind.item_types]
        case inspect.DictType():
            return {"key": _made(kind.value_type)}
        case _:
            return _single(kind)


def _single(kind: inspect.Type) -> Any:  # Any: JSON
    match kind:
        case inspect.CustomType() if issubclass(kind.cls, Blob):
            return encode_b64(bytes(kind.cls.SIZE or 3))
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.IntType():
            return max(kind.ge or 0, (kind.gt or -1) + 1)
        case inspect.StrType():
            return "x" * max(1, kind.min_length or 0)
        case _:
            made = {inspect.FloatType: 1.5, inspect.BoolType: True, inspect.BytesType: "", inspect.NoneType: None}
            return made.get(type(kind), {"any": [1, "x", None]})
