"""``read``: the tap runs in this process, and at the end each stream gets its status.

A status that is final comes last of all, after the stream's last state: what stands beside the bookmarks may
still change while other streams are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_airbyte import messages
from bigin_airbyte.catalog import singer_catalog
from bigin_airbyte.states import States
from bigin_api.errors import BiginError, CreditBudgetReached, ModuleUnavailable
from tap_bigin.report import fault
from tap_bigin.singer.ending import Terminated
from tap_bigin.tap import TapBigin
from tap_bigin.values.drift import check_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from bigin_airbyte.writer import AirbyteWriter


def read(config: Mapping[str, Any], configured: Any, state: Any, writer: AirbyteWriter) -> bool:
    """Read what was configured, from where the state says. False if nothing could be read.

    Raises BiginError if the run cannot begin, and Terminated, once all is told, if a signal ended it.
    """
    catalog = singer_catalog(configured)
    check_catalog(catalog)
    full = {each["stream"]: each["replication_method"] == "FULL_TABLE" for each in catalog["streams"]}
    writer.states = States(state, full)
    anew = {
        name for name, is_full in full.items() if is_full or name not in writer.states.singer["bookmarks"]
    }
    _forget_sweeps(writer.states.singer, anew)
    tap = TapBigin(config=dict(config), catalog=catalog, state=writer.states.singer, message_writer=writer)
    ended: BiginError | Terminated | None = None
    try:
        tap.run()
    except Terminated as signalled:
        ended = signalled
    except SystemExit:
        pass  # streams that failed are told one by one
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever it is, what was read before is kept
        ended = error if isinstance(error, BiginError) else fault(error)
    complete = _end(tap, writer, full)
    if isinstance(ended, BiginError):
        writer.tell(messages.error_trace(ended))
    if isinstance(ended, Terminated):
        raise ended
    return bool(complete or any(writer.told.values()) or (not full and ended is None))


def _forget_sweeps(state: Mapping[str, Any], streams: AbstractSet[str]) -> None:
    """Have these read whole though the feed told nothing: a destination may overwrite their tables."""
    swept = state.get("feed", {}).get("swept", {})
    for name in streams & swept.keys():
        del swept[name]


def _end(tap: TapBigin, writer: AirbyteWriter, full: Mapping[str, bool]) -> int:
    """Tell the last state and the status of each stream; how many are complete."""
    for name in full:
        writer.begin(name)
    writer.tell_state(tap.state, last=True)
    complete = 0
    for name, is_full in full.items():
        error = _why_not_complete(tap, name, is_full=is_full)
        has_ended = name in tap.shared.ended
        if error is not None:
            writer.tell(messages.error_trace(error, stream=name))
        is_complete = error is None and has_ended
        writer.tell(messages.stream_status(name, "COMPLETE" if is_complete else "INCOMPLETE"))
        complete += is_complete
    return complete


def _why_not_complete(tap: TapBigin, name: str, *, is_full: bool) -> BiginError | None:
    """What kept a stream from being read in whole. None as well where the whole run ended before."""
    if name in tap.shared.description.left:
        return CreditBudgetReached(f"{name}: credit_budget is too small for all streams, so it has to wait.")
    if name not in tap.streams:
        why = tap.shared.description.refusals.get(name, "Bigin has no such stream for this token.")
        return ModuleUnavailable(f"{name}: {why} Refresh the source's schema, or deselect it.")
    report = tap.shared.report.stream(name)
    if report.unfinished:
        return tap.shared.budget_reached
    if report.partial and is_full:  # a destination would drop the rows that did not come
        return report.failure or BiginError(f"{name}: rows may be missing. {report.warnings[-1]}")
    return report.failure or report.skipped
