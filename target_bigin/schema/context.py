"""What a run holds for all its parts: settings, client, calls in flight, ledger."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from bigin_api import Client, Labelled
from bigin_api.models import Field, Layout, Module
from target_bigin.concurrency.tasks import Flights
from target_bigin.records.ledger import Account, Ledger
from target_bigin.settings import StreamSettings, TargetSettings

logger = logging.getLogger("target-bigin")


@dataclass(frozen=True)
class Run:
    """Handed to every step: the one place where they find each other's shared objects."""

    settings: TargetSettings
    client: Client
    flights: Flights
    ledger: Ledger


@dataclass(frozen=True)
class StreamContext:
    """One stream and the module it goes to, as metadata describes it. What a step is made from."""

    stream: str
    module: Module
    fields: dict[str, Field]  # by api_name
    settings: StreamSettings
    key_properties: tuple[str, ...]
    client: Labelled  # counts and logs calls under the stream's name
    account: Account
    run: Run
    layouts: tuple[Layout, ...] = ()
    matched: dict[str, str] = field(default_factory=dict)  # property of the stream → api_name
