"""Links of records that wait for each other in a circle: written without them first, linked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import BiginError, WriteResult
from target_bigin.links.references import Need
from target_bigin.lookups.directory import Answer
from target_bigin.records.record import Prepared, Reject
from target_bigin.streams.steps import Step
from target_bigin.writing.results import refusal

if TYPE_CHECKING:
    from bigin_api import Labelled
    from target_bigin.concurrency.tasks import Flights
    from target_bigin.lookups.directory import Directory


@dataclass
class Postponed:
    """What is to be linked once both records are there, by the number of the record that links."""

    needs: dict[int, list[Need]] = field(default_factory=dict)


class LinkLater(Step):
    """Holds a written record until what it links to is written, too; then updates it, 1 credit."""

    def __init__(
        self,
        postponed: Postponed,
        directory: Directory,
        client: Labelled,
        flights: Flights,
        *,
        module: str,
        trigger: Sequence[str],
    ) -> None:
        self._postponed = postponed
        self._directory = directory
        self._client = client
        self._flights = flights
        self._module = module
        self._trigger = trigger
        self._held: dict[int, tuple[Prepared, list[Need]]] = {}

    def take(self, record: Prepared) -> bool:
        """Most records have all their links already."""
        if not self._postponed.needs or record.number not in self._postponed.needs:
            return True
        needs = self._postponed.needs.pop(record.number)
        self._held[record.number] = (record, needs)
        self._look(record.number)
        return False

    def finish(self) -> None:
        """What never came was refused: the record stays as it is, and that is told."""
        for record, needs in tuple(self._held.values()):
            if self._answers(needs) is None:
                del self._held[record.number]
                names = ", ".join(need.field for need in needs)
                message = f"the record was written, but what it links to was not ({names})."
                self.refuse(record, Reject("unmatched", "LOOKUP_NOT_FOUND", message, needs[0].field))

    def _look(self, number: int) -> None:
        held = self._held.get(number)
        if held is None:
            return
        record, needs = held
        answers = self._answers(needs)
        if answers is None:
            for need in needs:
                for want in need.wants:
                    self._directory.watch(want, partial(self._look, number))
            return
        del self._held[number]
        for need, answer in zip(needs, answers, strict=True):
            need.put(answer.targets[0])
        names = {*(need.field for need in needs), "$se_module"}
        body = {"id": record.id, **{name: record.body[name] for name in names if name in record.body}}
        self._flights.start(
            lambda: self._client.records.update(self._module, [body], trigger=self._trigger),
            partial(self._linked, record),
        )

    def _answers(self, needs: Sequence[Need]) -> list[Answer] | None:
        """One record for each need, None unless all are known."""
        found: list[Answer] = []
        for need in needs:
            known = (self._directory.known(want) for want in need.wants)
            answer = next((each for each in known if each and len(each.targets) == 1), None)
            if answer is None:
                return None
            found.append(answer)
        return found

    def _linked(self, record: Prepared, future: Future[list[WriteResult]]) -> None:
        try:
            (result,) = future.result()
        except BiginError as error:
            self.fail(error)
            return
        if result.succeeded:
            self.go_on(record)
        else:
            refused = refusal("update", result)
            message = f"the record was written, but not its link: {refused.message}"
            self.refuse(record, Reject(refused.kind, refused.code, message, refused.field))
