"""Records that links create: each once, whatever becomes of an answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.rows import Bigin, row

from bigin_api import ConnectionFailed, Field, ServerError, WriteResult
from target_bigin.lookups import creation
from target_bigin.lookups.creation import Creator
from target_bigin.records.record import Reject

NAME, EMAIL = Field("Last_Name"), Field("Email", "email", is_unique=True)


@pytest.fixture
def creator(run):
    """``creator(field, *answers)``: each answer is what a call gives, or raises."""

    def made(field, *answers, rows=()):
        calls, left = [], list(answers)

        def write(operation, module, bodies, **more):
            calls.append((operation, module, bodies, more))
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        bigin = Bigin(**{"": list(rows)})
        bigin.records = SimpleNamespace(
            upsert=lambda *args, **more: write("upsert", *args, **more),
            insert=lambda *args, **more: write("insert", *args, **more),
        )
        run.client = SimpleNamespace(
            limits=SimpleNamespace(request_timeout=0.0),
            pause=lambda seconds: calls.append(("pause", seconds)),
        )
        maker = Creator(run, bigin, "Contacts", field)
        return SimpleNamespace(
            maker=maker,
            calls=calls,
            bigin=bigin,
            create=lambda *values: run.results(*map(maker.create, values), flush=maker.flush),
        )

    return made


def done(record_id):
    return WriteResult(succeeded=True, id=record_id)


def no(code, **details):
    return WriteResult(succeeded=False, code=code, message="no", details=details)


def test_what_is_unique_is_made_by_an_upsert_once_however_many_ask(creator):
    """Whoever else makes it meanwhile makes no twin, and a refusal that names the twin names the record."""
    mine = creator(
        EMAIL,
        [
            done("1"),
            no("DUPLICATE_DATA", duplicate_record={"id": "2"}),
            no("DUPLICATE_DATA", id="3"),
            no("DUPLICATE_DATA"),
            no("INVALID_DATA", api_name="Email", id="5"),
        ],
    )

    one, same, two, three, four, five = mine.create(
        "a@b.se", " A@b.se", "b@b.se", "c@b.se", "d@b.se", "e@b.se"
    )

    assert (one, same, two, three) == ("1", "1", "2", "3")
    assert four == Reject(
        "rejected", "DUPLICATE_DATA", "It could not be created: Contacts refused (DUPLICATE_DATA: no)."
    )
    assert (five.code, five.field) == ("INVALID_DATA", "Email")
    assert mine.calls == [
        (
            "upsert",
            "Contacts",
            [{"Email": f"{each}@b.se"} for each in "abcde"],
            {"duplicate_check_fields": ["Email"], "trigger": ["workflow"]},
        )
    ]


def test_a_value_that_the_field_does_not_take_is_refused_before_it_is_sent(creator):
    """With the field, so that it can be mended."""
    mine = creator(Field("Last_Name", length=3))

    (reject,) = mine.create("long")

    assert (reject.kind, reject.field) == ("invalid", "Last_Name")
    assert reject.message.startswith("It could not be created: ")
    assert mine.calls == []


@pytest.mark.parametrize("may_have_happened", [True, False])
def test_after_a_lost_answer_only_what_is_not_there_is_made_again(creator, may_have_happened):
    """Where nothing is unique a repeat makes a twin: of several that are there the last one is the one made."""
    lost = ConnectionFailed("no", may_have_happened=may_have_happened)
    there = [row("1", Last_Name="Ek"), row("2", Last_Name="EK")] if may_have_happened else []
    mine = creator(NAME, lost, [done("3"), done("4")], rows=there)

    made = mine.create("Ek", "Berg")

    rest = [{"Last_Name": "Berg"}]
    both = [{"Last_Name": "Ek"}, *rest]
    assert made == (["2", "3"] if may_have_happened else ["3", "4"])
    assert [each[:3] for each in mine.calls] == [
        ("insert", "Contacts", both),
        ("insert", "Contacts", rest if may_have_happened else both),
    ]
    assert mine.calls[0][3] == {"trigger": ["workflow"]}
    assert mine.bigin.asked == (["Last_Name in ('Ek', 'Berg')"] if may_have_happened else [])


def test_what_fails_three_times_is_given_up(creator):
    """Each of the client's tries has waited before."""
    lost = [ConnectionFailed(str(number), may_have_happened=False) for number in range(4)]
    mine = creator(NAME, *lost)

    assert mine.create("Ek") == [lost[2]]
    assert len(mine.calls) == 3


def test_a_lost_insert_may_be_at_work_as_long_as_a_call_lasts(creator, run, monkeypatch):
    """Looked for too early it is not there yet, and would be made twice."""
    now = [100.0]
    monkeypatch.setattr(creation, "time", SimpleNamespace(monotonic=lambda: now[0]))
    mine = creator(NAME, ServerError("no", status=500))
    run.client.limits.request_timeout = 2.5

    def pause(seconds):
        now[0] += seconds
        if now[0] == 102.0:
            mine.bigin.rows[""] = [row("1", Last_Name="Ek")]

    run.client.pause = pause

    assert mine.create("Ek") == ["1"]
    assert (len(mine.calls), now) == (1, [102.0])
    assert len(mine.bigin.asked) == 3  # a second apart


def test_what_never_comes_is_made_again_when_the_call_cannot_be_at_work_any_more(creator, run, monkeypatch):
    """And not before."""
    now = [100.0]
    monkeypatch.setattr(creation, "time", SimpleNamespace(monotonic=lambda: now[0]))
    mine = creator(NAME, ServerError("no", status=500), [done("7")])
    run.client.limits.request_timeout = 2.0
    run.client.pause = lambda seconds: now.__setitem__(0, now[0] + seconds)

    assert mine.create("Ek") == ["7"]
    assert (len(mine.calls), len(mine.bigin.asked), now) == (2, 3, [102.0])


def test_of_several_lost_inserts_each_is_waited_for(creator, run, monkeypatch):
    """They went out one after the other: the last of them may be at work longest."""
    now = [100.0]
    monkeypatch.setattr(creation, "time", SimpleNamespace(monotonic=lambda: now[0]))
    mine = creator(NAME)
    mine.maker._unsure = {"ek": 101.0, "berg": 103.0}

    def pause(seconds):
        now[0] += seconds
        if now[0] == 103.0:
            mine.bigin.rows[""] = [row("1", Last_Name="Ek"), row("2", Last_Name="Berg")]

    run.client.pause = pause

    assert mine.create("Ek", "Berg") == ["1", "2"]
    assert mine.calls == []
