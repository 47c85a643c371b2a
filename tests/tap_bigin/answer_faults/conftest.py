"""Answers of which one place is spoiled: what is lost is told, nothing is passed over, the others are whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.rewriting import OtherBigin
from support.sandbox import Sandbox


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """The sandbox with 25 contacts in pages of 10, behind a proxy that as yet changes nothing."""
    sandbox.reset(size="empty", most_per_page=10)
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 25, "data": {"Last_Name": "Person {n}"}})
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()
