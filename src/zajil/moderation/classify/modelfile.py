"""The file of a model: arrays of fixed shapes and what the model says of itself, as safetensors or NPZ.

Arrays and text, never a pickle: a pickle runs code. Shapes, types, finite numbers, heads, languages and the version of
the normaliser are checked at load. Source: design/moderation.md section 7; the safetensors format.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.normalise.text import VERSION

MAX_MODEL_BYTES: Final = 12_000_000
SUFFIXES: Final = (".safetensors", ".npz")
Shapes: TypeAlias = dict[str, tuple[type[np.floating], tuple[int, ...]]]
PLAIN: Final = ("commit", "encoder")
DTYPES: Final[dict[type[np.floating], str]] = {np.float16: "F16", np.float32: "F32"}


class ModelRefused(ValueError):
    """A model file that is not what it must be: another hash, shape, version or kind of file."""


class ModelMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of itself. Safetensors holds it as strings, so structured fields are JSON in a string.

    heads, languages: the order of the columns. normaliser: version of the rules it was trained on. commit: hash of the
    sources that made it. data: name to SHA-256 of each set. thresholds: head, language, then `review`, `limit` and
    `auto` (None: no such action). points: head, language, the probability with the best balanced accuracy out
    of fold, for evaluation alone.
    pooled: heads with the languages whose calibration is that of all languages, for want of rows. encoder: SHA-256 of
    the encoder whose vectors the model reads; "" for the linear heads.
    """

    heads: tuple[str, ...]
    languages: tuple[str, ...]
    normaliser: int
    commit: str = ""
    data: dict[str, str] = {}
    thresholds: dict[str, dict[str, dict[str, float | None]]] = {}
    shipped: bool = False
    encoder: str = ""
    points: dict[str, dict[str, float]] = {}
    pooled: dict[str, tuple[str, ...]] = {}


def read_model_file(path: Path, *, sha256: str | None) -> bytes:
    """A model file's bytes. sha256: hex digest they must have; None takes any. Raises ModelRefused, OSError."""
    if path.suffix not in SUFFIXES:
        raise ModelRefused(f"{path.name}: a model is one of {', '.join(SUFFIXES)}; pickles run code")
    with path.open("rb") as file:
        data = file.read(MAX_MODEL_BYTES + 1)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise ModelRefused(f"{path.name}: SHA-256 is {digest}")
    return data


def parse_arrays(data: bytes, shapes: Shapes) -> tuple[dict[str, npt.NDArray[np.generic]], ModelMetadata]:
    """The arrays of exactly these shapes, and the metadata. Raises ModelRefused."""
    if len(data) > MAX_MODEL_BYTES:
        raise ModelRefused(f"over {MAX_MODEL_BYTES} bytes")
    arrays, metadata = _read_npz(data, shapes) if data.startswith(b"PK") else _read_safetensors(data)
    for name, (kind, shape) in shapes.items():
        array = arrays.get(name)
        if array is None or array.dtype != kind or array.shape != shape:
            raise ModelRefused(f"{name} is not {np.dtype(kind)} {list(shape)}")
        if not np.isfinite(array.astype(np.float32)).all():
            raise ModelRefused(f"{name} holds a number that is not finite")
    if metadata.heads != HEADS or metadata.languages != LANGUAGES:
        raise ModelRefused("heads or languages in another order")
    if metadata.normaliser != VERSION:
        raise ModelRefused(f"trained on normaliser {metadata.normaliser}; this is {VERSION}")
    return arrays, metadata


def encode_arrays(arrays: Mapping[str, npt.NDArray[np.generic]], shapes: Shapes, metadata: ModelMetadata) -> bytes:
    """A safetensors file; the same arrays and metadata give the same bytes.

    Written here, because the library puts metadata in an order of its own each time.
    """
    strings = {
        name: value if name in PLAIN else json.dumps(value, sort_keys=True, separators=(",", ":"))
        for name, value in msgspec.to_builtins(metadata).items()
    }
    header: dict[str, object] = {"__metadata__": dict(sorted(strings.items()))}
    body = b""
    for name, (kind, shape) in sorted(shapes.items(), reverse=True):
        data = np.ascontiguousarray(arrays[name], dtype=kind).tobytes()
        header[name] = {"dtype": DTYPES[kind], "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def _read_safetensors(data: bytes) -> tuple[dict[str, npt.NDArray[np.generic]], ModelMetadata]:
    try:
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as cause:
        raise ModelRefused("no safetensors file") from cause
    # The library gives metadata only of files on disk; these bytes are the ones whose hash was compared.
    size = int.from_bytes(data[:8], "little")
    strings = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    return dict(arrays), _read_metadata(strings)


def _read_npz(data: bytes, shapes: Shapes) -> tuple[dict[str, npt.NDArray[np.generic]], ModelMetadata]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*shapes, "metadata") if name in file.files}
        strings = json.loads(arrays.pop("metadata").tobytes())
    except Exception as cause:
        raise ModelRefused("no NPZ file of a model") from cause
    return arrays, _read_metadata(strings)


def _read_metadata(strings: object) -> ModelMetadata:
    """Metadata whose structured fields are JSON in strings."""
    if not isinstance(strings, dict):
        raise ModelRefused("no metadata")
    try:
        fields = {
            name: value if name in PLAIN else json.loads(value)
            for name, value in strings.items()
            if name in ModelMetadata.__struct_fields__
        }
        return msgspec.convert(fields, ModelMetadata)
    except (msgspec.ValidationError, ValueError, TypeError) as cause:
        raise ModelRefused("metadata that cannot be read") from cause
