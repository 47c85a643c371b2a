"""A COQL query by hand, and what its answer says."""

from __future__ import annotations

from typing import Any

import requests

from support.sandbox import Sandbox


def ask(sandbox: Sandbox, query: str, **arguments: Any) -> requests.Response:
    """The answer to a query."""
    return sandbox.api("POST", "/coql", json={"select_query": query}, **arguments)


def data(answer: requests.Response) -> list[dict[str, Any]]:
    """The records of a good answer."""
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def ids(answer: requests.Response) -> list[str]:
    """Their ids."""
    return [record["id"] for record in data(answer)]


def error(answer: requests.Response, status: int = 400) -> tuple[str, dict[str, Any]]:
    """Code and details of a refusal."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"code", "details", "message", "status"}
    assert body["status"] == "error"
    return body["code"], body["details"]
