"""A deal, and what it holds."""

from __future__ import annotations

DEAL = {"Deal_Name": "Roof", "Sub_Pipeline": "Inbound", "Stage": "Qualification"}


def deal(sandbox):
    """The one of this name, as it is in Bigin."""
    (found,) = [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Roof"]
    return found


def sold(sandbox):
    """(product, quantity) of the deal's rows."""
    return sorted(
        (row["Product"]["name"], row["Quantity"]) for row in deal(sandbox)["Associated_Products"] or []
    )
