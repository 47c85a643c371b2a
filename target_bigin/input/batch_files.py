"""Records in files that a BATCH message names, as JSON lines or Parquet, packed or not."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import IO, Any

import msgspec
from singer_sdk.singerlib.exceptions import InvalidInputLine
from upath import UPath

from target_bigin.input.lines import read_record, without_nan

FORMATS = ("jsonl", "parquet")
COMPRESSIONS = ("none", None, "gzip")
GZIP = b"\x1f\x8b"
ROWS_AT_ONCE = 1_000  # of a Parquet file


def records_of(message: Mapping[str, Any]) -> Iterator[Any]:
    """The records in a BATCH message's files, in order; a bad one is ``Spoiled`` or no object.

    Raises InvalidInputLine, with the file, for one that cannot be read to its end. Files are only read:
    the SDK's way would make the folder that one is missing in.
    """
    stream = message["stream"]
    encoding, files = message["encoding"], message["manifest"]
    told = encoding if isinstance(encoding, dict) else {}
    kind, packing = told.get("format"), told.get("compression")
    if kind not in FORMATS or packing not in COMPRESSIONS:
        raise InvalidInputLine(
            f"{stream}: a BATCH message whose encoding is {str(encoding)[:80]}; jsonl (plain or gzip) and "
            "parquet are read. Set the tap's batch_config so."
        )
    if not isinstance(files, list) or not all(isinstance(each, str) for each in files):
        raise InvalidInputLine(
            f"{stream}: the manifest of a BATCH message is {str(files)[:80]}, no list of files."
        )
    for file in files:
        yield from _rows_of(stream, file) if kind == "parquet" else _lines_of(stream, file, packing)


def _lines_of(stream: str, file: str, packing: str | None) -> Iterator[Any]:
    shown = _shown(file)
    for number, line in enumerate(_read(stream, file, _lines, packing), 1):
        if not line.isspace():
            yield read_record(line, f"{stream}: line {number} of the BATCH file {shown}")


def _rows_of(stream: str, file: str) -> Iterator[Any]:
    for row in _read(stream, file, _rows):
        # Moments and numbers as JSON has them, every digit kept.
        yield without_nan(msgspec.to_builtins(row, builtin_types=(Decimal,)))


def _read(stream: str, file: str, what: Any, *how: Any) -> Iterator[Any]:
    """What ``what`` reads of a file. Raises InvalidInputLine for whatever storage or format have to say."""
    try:
        with UPath(file).open("rb") as source:
            yield from what(source, *how)
    except Exception as error:  # of the reading: what becomes of a row is raised where it was handed to
        raise _unreadable(stream, file, error) from error


def _lines(source: IO[bytes], packing: str | None) -> Iterator[bytes]:
    begins = source.read(len(GZIP))
    source.seek(0)
    if not begins and packing == "gzip":
        raise EOFError("it is empty, which no packed file is")
    if begins != GZIP:  # taps on the SDK pack their files whatever they say of them
        yield from source
        return
    with gzip.open(source) as unpacked:
        yield from unpacked


def _rows(source: IO[bytes]) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415 -- an extra

    for some in pyarrow.parquet.ParquetFile(source).iter_batches(ROWS_AT_ONCE):
        yield from some.to_pylist()


def _unreadable(stream: str, file: str, error: Exception) -> InvalidInputLine:
    why = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    if isinstance(error, ImportError):
        do = "Install what it needs (for Parquet the extra `parquet`) and run again."
    else:
        do = "No state covers its records: mend what hinders, then run the tap and the target again."
    return InvalidInputLine(
        f"{stream}: the BATCH file {_shown(file)} cannot be read to its end ({why}). {do}"
    )


def _shown(file: str) -> str:
    """Without what may be a secret: a query, and what stands before the host.

    >>> _shown("s3://key:secret@bucket/a.gz?token=x"), _shown("data/a@b.gz?token=x")
    ('s3://bucket/a.gz', 'data/a@b.gz')
    """
    scheme, _, rest = file.partition("?")[0].rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else rest
