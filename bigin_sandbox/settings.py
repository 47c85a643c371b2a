"""How the sandbox was asked to behave: the options of `serve`, also taken by `reset` and `settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from math import isfinite
from typing import Any

SIZES = {"empty": 0, "small": 200, "medium": 2_000, "large": 12_000}
CHOICES: dict[str, tuple[str, ...]] = {
    "device_consent": ("ask", "approve", "deny"),
    "location": ("us", "eu", "in", "au", "cn", "jp", "sa", "ca"),
    "edition": ("free", "express"),
    "token_paging": ("keyset", "offset"),
    "ims": ("exclusive", "inclusive", "ignored"),
    "unapproved_in_coql": ("hidden", "shown"),
    "rich_text_cut": ("utf16", "characters"),
    "any_module_lookups": ("se_module", "listed"),
    "pipeline_json_type": ("jsonobject", "string", "absent"),
}


@dataclass(frozen=True)
class Settings:
    """One organisation's settings; those up to `custom_modules` shape its data, the rest its behaviour."""

    seed: int = 1
    size: str = "small"  # a key of SIZES, or a number of records
    custom_modules: int = 0  # so many more custom modules than the organisation has anyway
    edition: str = "express"
    latency_ms: int = 0
    token_paging: str = "keyset"  # what a page_token means while people edit: FACTS 4
    most_per_page: int = 200  # less: lists give shorter pages than asked for, and a few records make many
    most_settings_per_page: int = 200  # less: views, tags, roles, profiles come in several pages: FACTS 7.25
    ims: str = "exclusive"  # whether If-Modified-Since includes its own second: FACTS 4
    count_lag_seconds: int = 60  # actions/count tells what was true so long ago: FACTS 4 (1 to 10 minutes)
    visibility_delay_seconds: float = 0.0  # from a change's stamp until any reader sees it
    unapproved_in_coql: str = "hidden"  # whether COQL sees records under approval: FACTS 7.24 tells of lists
    search_lag_seconds: int = 15  # FACTS 4 (10 to 20 seconds)
    rich_text_cut: str = "utf16"  # how lists count the 500 after which they cut: FACTS 7.23
    any_module_lookups: str = "se_module"  # how What_Id and Parent_Id tell their modules: FACTS 7.21
    pipeline_json_type: str = "jsonobject"  # of the field Pipeline, whatever its values are: FACTS 7.21
    job_seconds: float = 0.2  # how long a bulk job stays ADDED, and again IN PROGRESS
    location: str = "us"  # the data center of the organisation: FACTS 6a (other_dc)
    device_consent: str = "ask"  # what a person says to a device's code; `ask`: nothing by itself
    device_interval_ms: int = 5_000  # FACTS 6a; once too fast, six times as long
    device_code_ms: int = 300_000  # FACTS 6a
    default_channel_seconds: int = 7_200  # how long a channel lives that asks for nothing: FACTS 6
    longest_channel_seconds: int = 86_400  # … at most: FACTS 6
    access_tokens_per_10_minutes: int = 10  # for each refresh token: FACTS 1

    @property
    def records(self) -> int:
        """How many records a fresh organisation gets."""
        return SIZES[self.size] if self.size in SIZES else int(self.size)

    def changed(self, changes: dict[str, Any]) -> Settings:
        """A copy with some settings changed.

        Raises ValueError naming a setting that is unknown or has no such value.
        """
        known: dict[str, type[Any]] = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        if not isinstance(changes, Mapping):
            raise ValueError(f"settings are an object, not {changes!r}")  # noqa: TRY004 -- told as it is
        given: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in known:
                alike = get_close_matches(name, known, n=1)
                hint = f"did you mean {alike[0]!r}?" if alike else f"there are {', '.join(known)}"
                raise ValueError(f"unknown setting {name!r}; {hint}")
            try:
                given[name] = known[name](value)
            except (ValueError, TypeError, OverflowError):
                wanted = "a number" if known[name] is float else "a whole number"
                raise ValueError(f"{name} takes {wanted}, not {value!r}") from None
            if known[name] is float and not isfinite(given[name]):
                raise ValueError(f"{name} takes a number, not {value!r}")
        settings = replace(self, **given)
        settings.check()
        return settings

    def check(self) -> None:
        """Raise ValueError for a value that no setting has."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if self.size not in SIZES and not self.size.isdecimal():
            raise ValueError(f"size is one of {', '.join(SIZES)} or a number of records, not {self.size!r}")
