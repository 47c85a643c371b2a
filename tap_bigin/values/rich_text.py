"""Rich text is cut to 500 in lists, characters or UTF-16 units; what was cut is read whole, 1 credit each."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

from bigin_api.errors import BiginError
from bigin_api.json_values import RICH_TEXT_IN_LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bigin_api import Field, InFlight, Labelled
    from tap_bigin.report import StreamReport

Record = dict[str, Any]

MOST_UNITS = 2  # of a character
CALLS_PER_PORTION = 10


class RichTexts:
    """The rich text fields of a stream; most modules have none, and then nothing is done."""

    def __init__(
        self,
        client: Labelled,
        calls: InFlight,
        module: str,
        fields: Sequence[Field],
        *,
        report: StreamReport,
    ) -> None:
        self._client = client
        self._calls = calls
        self._module = module
        self._names = [each.api_name for each in fields if each.may_be_rich_text]
        self._report = report
        self.most_calls = 0  # of a page until now

    def complete(self, records: Sequence[Record]) -> None:
        """Replace texts of the length at which lists cut by the whole ones."""
        for _ in self.portions(records):
            pass

    def portions(self, records: Sequence[Record]) -> Iterator[tuple[list[Record], bool]]:
        """The records in their order, a few at a time as their texts are whole; True with the last of them.

        A page may take 200 calls: whoever is killed meanwhile, or has no credits left, has handed on what
        they brought.
        """
        is_cut = [any(may_be_cut(record.get(name)) for name in self._names) for record in records]
        if any(is_cut):
            self._report.add_note(
                "reads long rich texts one by one, 1 credit each: lists cut them to 500 characters"
            )
        self.most_calls = max(self.most_calls, sum(is_cut))
        cut = [each["id"] for each in compress(records, is_cut)]
        wholes = self._calls.map_in_order(self._whole, cut, ahead=self._client.calls_ahead)
        begins = whole = 0
        for place, record in enumerate(records):
            if not is_cut[place]:
                continue
            if whole and whole % CALLS_PER_PORTION == 0:
                yield list(records[begins:place]), False
                begins = place
            try:
                texts = next(wholes)
            except BiginError:
                if begins < place:
                    yield list(records[begins:place]), False
                raise
            record.update({name: texts[name] for name in self._names if name in texts})
            whole += 1
        yield list(records[begins:]), True

    def _whole(self, record_id: str) -> Record:
        return self._client.records.get(self._module, record_id, self._names) or {}


def may_be_cut(text: Any) -> bool:
    """Whether a text ends where lists may cut, or one unit before: half an emoji is none.

    >>> may_be_cut("x" * 500), may_be_cut("x" * 498 + "\N{GRINNING FACE}"), may_be_cut("x" * 498)
    (True, True, False)
    """
    if not isinstance(text, str) or MOST_UNITS * len(text) < RICH_TEXT_IN_LISTS - 1:
        return False
    return len(text) <= RICH_TEXT_IN_LISTS <= len(text.encode("utf-16-le")) // 2 + 1
