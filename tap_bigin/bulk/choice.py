"""Whether Bulk Read jobs are the cheaper way to read a stream, and what they give of its fields.

``planning`` and ``bulk_columns`` decide; here is asked what they need to know: of which modules lookups
name records, and whether the module has tags at all (1 credit, and only where jobs are about to win).
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from bigin_api import Refused
from bigin_api.errors import TransientError
from bigin_api.limits import BULK_READ_CREDITS, BULK_READ_MODULES
from tap_bigin.bulk.columns import job_columns
from tap_bigin.planning import may_pay, plan_extraction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigin_api import Field, Labelled
    from tap_bigin.planning import JobColumns, Plan, Wish
    from tap_bigin.report import StreamReport
    from tap_bigin.settings import TapSettings


LEAST_BUDGET = 2 * BULK_READ_CREDITS
"""Within less a job might never have its turn: half of it may go into descriptions, and each look costs 1."""


class JobChoice:
    """What jobs can do for one stream."""

    def __init__(
        self,
        client: Labelled,
        module: str,
        fields: Sequence[Field],
        *,
        settings: TapSettings,
        report: StreamReport,
    ) -> None:
        """``fields`` are those that the stream asks for."""
        self._client = client
        self._module = module
        self._fields = fields
        self._wish = settings.extraction_method
        self._flat_lookups = settings.lookups == "id"
        self._report = report

    @cached_property
    def may_pay(self) -> bool:
        """Whether it matters how many records there are."""
        budget = self._client.credit_budget
        if self._wish == "list":
            return False
        if self._wish == "auto" and budget is not None and budget < LEAST_BUDGET:
            self._report.add_note("read by list pages: so small a budget holds no job.")
            return False
        if self._module not in BULK_READ_MODULES:
            if self._wish == "bulk":
                self._report.add_note("read by list pages: Bulk Read does not know this module.")
            return False
        if self._wish == "bulk" or may_pay(self._possible_columns, fields=len(self._fields)):
            return True
        left = ", ".join(self._possible_columns.left_to_list)
        self._report.add_note(f"read by list pages: Bulk Read does not give {left}.")
        return False

    def are_cheaper(self, counted: int, *, wish: Wish) -> bool:
        """Whether to read so many records by jobs. Says why."""
        plan = self._plan(self._possible_columns, counted, wish=wish)
        if plan.method == "bulk":
            plan = self._plan(self.columns, counted, wish=wish)
        self._report.inform(f"read by {'Bulk Read' if plan.method == 'bulk' else 'list pages'}: {plan.why}.")
        return plan.method == "bulk"

    def _plan(self, columns: JobColumns, counted: int, *, wish: Wish) -> Plan:
        return plan_extraction(columns, records=counted, fields=len(self._fields), wish=wish)

    @cached_property
    def _possible_columns(self) -> JobColumns:
        """What a job gives if the module turns out to have no tags."""
        return self._columns_of_job(untagged=True)

    @cached_property
    def columns(self) -> JobColumns:
        """What a job gives. Costs 1 credit where Tag is asked for."""
        possible = self._possible_columns
        has_tags = possible.has("untagged") and self._has_tags()
        return self._columns_of_job(untagged=False) if has_tags else possible

    def _columns_of_job(self, *, untagged: bool) -> JobColumns:
        return job_columns(
            self._fields,
            display_fields=self._display_fields,
            flat_lookups=self._flat_lookups,
            untagged=untagged,
        )

    @cached_property
    def _display_fields(self) -> dict[str, str]:
        """The field that names a record, by module, of every module that a lookup points to."""
        found: dict[str, str] = {}
        lookups = [] if self._flat_lookups else [each for each in self._fields if each.data_type == "lookup"]
        for module in {each.lookup_module for each in lookups if each.lookup_module}:
            with suppress(Refused, TransientError):
                described = self._client.metadata.fields(module)
                found.update((module, each.api_name) for each in described if each.is_display_field)
        return found

    def _has_tags(self) -> bool:
        """Whether any record may have a tag: if the module has none at all, each record's are []."""
        try:
            return bool(self._client.tags.of_module(self._module))
        except (Refused, TransientError):
            return True
