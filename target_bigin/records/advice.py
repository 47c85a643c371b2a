"""What a person does about a reject, by its code. Pure."""

from __future__ import annotations

from collections.abc import Mapping

ADVICE: Mapping[str, str] = {
    "CANNOT_PROCESS": "Look at the record in Bigin: it cannot be changed as it stands.",
    "DEPENDENT_FIELD_MISSING": "Send the field that this one depends on, too.",
    "DEPENDENT_MISMATCH": "Send values that go together, as the layout in Bigin says.",
    "DUPLICATE_DATA": "Another record has this unique value: merge the two in Bigin, or mend the source.",
    "FATE_UNKNOWN": "Look whether it is in Bigin; if not, `bigin retry --only FATE_UNKNOWN`.",
    "ID_NOT_FOUND": "The id is of no record here: set streams.<stream>.ids to source, or mend the id.",
    "INTERNAL_ERROR": "Bigin failed: `bigin retry` later.",
    "INTERNAL_SERVER_ERROR": "Bigin failed: `bigin retry` later.",
    "INVALID_DATA": "Mend the value in the source: Bigin does not take it in this field.",
    "INVALID_VALUE": "Mend the value in the source: the field takes no such value.",
    "KEY_MISSING": "The record has no value in its key: mend the source, or name another key.",
    "KEY_NOT_FOUND": "An update found no record with this key: set the operation to upsert, or mend the key.",
    "LIMIT_EXCEEDED": "Too many values for one record or one call: send fewer.",
    "LOOKUP_AMBIGUOUS": "Several records have this value: merge them in Bigin, or match on another field.",
    "LOOKUP_NOT_FOUND": "Make the record that it links to, or set on_missing to create or null.",
    "MANDATORY_NOT_FOUND": "Fill the mandatory field in the source.",
    "MAPPING_MISMATCH": "The stage is not one of its sub-pipeline: see the stream sub_pipelines.",
    "MASS_DELETE": "More than a quarter of the module would go: if that is meant, set allow_mass_delete.",
    "MULTIPLE_OR_MULTI_ERRORS": "Several fields are wrong; the message names them.",
    "NOTHING_TO_WRITE": "No property of the record is a field of the module: mend their names.",
    "NOT_AN_ID": "Send an id of Bigin (18 digits or more), or set up lookups for this field.",
    "NOT_FOUND": "The record is not in Bigin any more.",
    "NO_MODULE": "Set streams.<stream>.module to a module that may be written; `bigin doctor` lists them.",
    "NO_PERMISSION": "Give the token's user this right (Settings > Profiles), then `bigin retry`.",
    "RECORD_IN_PROCESS": "Bigin was at work on the record: `bigin retry` later.",
    "RECORD_LOCKED": "The record is locked in Bigin: unlock it, then `bigin retry`.",
    "SEVERAL_FOUND": "Several records have this key: merge them in Bigin.",
    "STAGE_MISMATCH": "The stage is not one of its sub-pipeline: see the stream sub_pipelines.",
    "STREAM_MAP": "Mend the expression in stream_maps so that it bears this record, then pipe its line to "
    "the target: `bigin retry` applies no stream map.",
    "TOO_LONG": "Shorten the text in the source, or set truncate.",
    "TOO_MANY_REQUESTS": "The day's credits or the calls at once were used up: `bigin retry` later.",
    "UNABLE_TO_PARSE_DATA_TYPE": "Mend the value in the source: Bigin cannot read it as this field's type.",
    "UNDECLARED_ROWS": "Declare the rows' property in the stream's schema.",
    "UNREADABLE_VALUE": "Mend the source, or put the value into the record's line in place of null; then "
    "`bigin retry --only UNREADABLE_VALUE`.",
}

BY_KIND: Mapping[str, str] = {
    "invalid": "Mend the record in the source: the target refused it before anything was sent.",
    "rejected": "Mend the record, or Bigin's rule that it breaks; the code is Bigin's own.",
    "unmatched": "Make or merge in Bigin what the record is about.",
}


def advice(code: str, kind: str) -> str:
    """What to do. An unknown code gets what holds for its kind.

    >>> advice("TOO_LONG", "invalid")
    'Shorten the text in the source, or set truncate.'
    >>> advice("SOMETHING_NEW", "unmatched")
    'Make or merge in Bigin what the record is about.'
    >>> advice("SOMETHING_NEW", "something new")
    'See the message.'
    """
    return ADVICE.get(code) or BY_KIND.get(kind) or "See the message."
