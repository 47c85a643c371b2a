"""Refusals and failures of all kinds for the sake of one record, behind a proxy: of a Bigin, or of what is before it."""

from __future__ import annotations

from support.rewriting import Rewritten

POISON = "Union Select"
HASTY = {"max_retries": 0, "request_timeout": 1}
BLOCKED = Rewritten(403, b"<html><h1>Blocked</h1></html>", {"Content-Type": "text/html"})
REFUSALS = {
    "403 of a proxy": BLOCKED,
    "413 of a proxy": Rewritten(413, b"<html>Too large</html>", {"Content-Type": "text/html"}),
    "403 without a word": Rewritten(403, b"", {"Content-Type": "text/html"}),
    "403 in Bigin's words": Rewritten.of({"code": "NO_PERMISSION", "status": "error", "message": "no"}, 403),
    "403 in JSON of another": Rewritten.of({"error": "blocked"}, 403),
    "400 of an unknown code": Rewritten.of({"code": "ODD", "status": "error", "message": "odd"}, 400),
    "400 of a query": Rewritten.of({"code": "INVALID_QUERY", "status": "error", "message": "bad"}, 400),
    "200 with one error": Rewritten.of(
        {"data": [{"code": "ODD", "status": "error", "message": "odd", "details": {}}]}, 200
    ),
}


FAILURES = {
    "500 in Bigin's words": Rewritten.of({"code": "INTERNAL_ERROR", "status": "error", "message": "no"}, 500),
    "500 without a word": Rewritten(500, b"", {"Content-Type": "text/html"}),
    "502 of a proxy": Rewritten(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "200 without a word": Rewritten(200, b"", {"Content-Type": "text/html"}),
    "200 that is cut off": Rewritten(200, b'{"data": [', {"Content-Type": "application/json"}),
    "no answer": Rewritten(0),
}


def refuse(other, path, refusal, *, poison=lambda: POISON):
    """Refuse every call of a path that holds the poison, in its body or its address."""

    def answer(asked):
        sent = asked.target.encode() + asked.body
        return refusal if poison().encode() in sent else None

    other.answering(path, answer)


def people(count, *, bad=17):
    return [
        {"Last_Name": POISON if n == bad else f"Berg {n}", "Email": f"berg{n}@example.org"}
        for n in range(count)
    ]


def bad_one(sandbox, module="Contacts", name="Last_Name"):
    """The id of the record that is to be refused."""
    return next((each["id"] for each in sandbox.dump(module) if each[name] == POISON), "nobody")
