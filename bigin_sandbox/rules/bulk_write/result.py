"""The result file of a Bulk Write job: a zip with one CSV.

The first three mapped columns, and what became of each row. Its rows need not stand in the order of the
upload (FACTS 5): here they are shuffled.
"""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bigin_sandbox.rules.bulk_write.mapping import Mapping
    from bigin_sandbox.rules.bulk_write.rows import RowResult
    from bigin_sandbox.rules.bulk_write.upload import Table

SHOWN_COLUMNS = 3
TOLD_COLUMNS = ("STATUS", "RECORD_ID", "ERRORS")


def result_zip(
    name: str, table: Table, mappings: Sequence[Mapping], results: Sequence[RowResult], *, shuffle: int
) -> bytes:
    """The file of that name in its zip; the same seed gives the same order."""
    shown = [mapping for mapping in mappings if mapping.index is not None][:SHOWN_COLUMNS]
    lines = [
        [
            *(table.cell(row, mapping.index or 0) for mapping in shown),
            result.status,
            result.record_id,
            result.errors,
        ]
        for row, result in zip(table.rows, results, strict=True)
    ]
    random.Random(shuffle).shuffle(lines)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(mapping.api_name for mapping in shown), *TOLD_COLUMNS])
    writer.writerows(lines)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text.getvalue())
    return packed.getvalue()
