"""The id map: which record of Bigin a record of the source became."""

import json

import pytest

from bigin_api import SettingsError
from target_bigin.files.id_map import IdMap, Target, source_key


def test_ids_are_found_by_stream_and_by_module():
    """A child knows its parent's key and module, but not which stream brought the parent."""
    ids = IdMap()

    ids.remember("Accounts", "Accounts", "1", "900")

    assert ids.of_stream("Accounts", "Accounts", "1") == "900"
    assert ids.find("1", module="Accounts") == (Target("Accounts", "900"),)
    assert ids.find("1", module="Contacts") == ()
    assert ids.find("1") == (Target("Accounts", "900"),)


def test_the_same_key_in_two_streams_of_a_module_is_no_answer():
    """Two sources number their customers from 1: linking to either would be a guess."""
    ids = IdMap()

    ids.remember("shop", "Accounts", "1", "900")
    ids.remember("crm", "Accounts", "1", "901")

    assert {found.id for found in ids.find("1", module="Accounts")} == {"900", "901"}
    assert ids.of_stream("crm", "Accounts", "1") == "901"
    assert ids.ids_of_others("crm") == {"900"}


def test_a_stream_that_goes_to_another_module_keeps_what_it_wrote_apart(tmp_path):
    """An id of the old module is unknown in the new one, and going back must make no twins."""
    path = tmp_path / "ids.jsonl"
    first = IdMap(path)
    first.remember("crm", "Contacts", "1", "900")
    first.remember("crm", "Contacts", "2", "901")

    assert first.of_stream("crm", "Accounts", "1") is None
    first.remember("crm", "Accounts", "1", "902")
    assert first.find("1") == (Target("Accounts", "902"),)
    first.forget("crm", "Accounts", "1")
    first.remember("crm", "Accounts", "3", "903")
    first.close()
    second = IdMap(path)

    assert second.ids_of("crm", "Contacts") == {"1": "900", "2": "901"}
    assert second.ids_of("crm", "Accounts") == {"3": "903"}
    assert list(second.ids("Contacts")) == ["900", "901"]
    assert second.find("1") == ()
    second.remember("crm", "Contacts", "1", "900")
    assert second.find("1") == (Target("Contacts", "900"),)
    second.close()


def test_the_map_is_there_again_in_the_next_run(tmp_path):
    """A copy that is repeated must find what it made, also what it deleted."""
    path = tmp_path / "maps" / "of" / "ids.jsonl"
    first = IdMap(path)
    first.remember("Accounts", "Accounts", "1", "900")
    first.remember("Accounts", "Accounts", "2", "901")
    first.remember("Accounts", "Accounts", "1", "902")
    first.forget("Accounts", "Accounts", "2")
    first.close()

    second = IdMap(path)

    assert second.ids_of("Accounts", "Accounts") == {"1": "902"}
    second.close()


def test_what_is_known_is_not_written_again(tmp_path):
    """A file that grew with every run of unchanged records would never stop growing."""
    path = tmp_path / "ids.jsonl"
    for _ in range(3):
        ids = IdMap(path)
        ids.remember("Accounts", "Accounts", "1", "900")
        ids.close()

    assert len(path.read_text().splitlines()) == 1


def test_a_line_that_a_kill_cut_off_harms_no_other(tmp_path):
    """The line before it holds, and so do those that are added after it."""
    path = tmp_path / "ids.jsonl"
    whole = {"stream": "Accounts", "module": "Accounts", "key": "1", "id": "900"}
    path.write_text(json.dumps(whole) + "\n" + '{"stream": "Accounts", "module": "Acc')

    ids = IdMap(path)
    ids.remember("Accounts", "Accounts", "2", "901")
    ids.close()
    again = IdMap(path)

    assert again.ids_of("Accounts", "Accounts") == {"1": "900", "2": "901"}
    again.close()


def test_a_line_that_is_no_entry_is_named(tmp_path):
    """Guessing past a damaged map would make twins of what it no longer knows."""
    path = tmp_path / "ids.jsonl"
    path.write_text('{"key": 5}\n')

    with pytest.raises(SettingsError, match=r"ids\.jsonl, line 1"):
        IdMap(path)


def test_flushed_entries_survive_a_kill(tmp_path):
    """What was settled must be known to the run that follows."""
    path = tmp_path / "ids.jsonl"
    ids = IdMap(path)
    ids.remember("Accounts", "Accounts", "1", "900")

    ids.flush()

    seen = IdMap(path)
    assert seen.of_stream("Accounts", "Accounts", "1") == "900"
    seen.close()
    ids.close()


@pytest.mark.parametrize(
    ("record", "properties", "key"),
    [
        ({"id": "7"}, ["id"], "7"),
        ({"id": 7}, ["id"], "7"),
        ({"a": 1, "b": "x,y"}, ["a", "b"], '["1","x,y"]'),
        ({"a": 1}, ["a", "b"], None),
        ({"a": ""}, ["a"], None),
        ({"a": 0}, ["a"], "0"),
        ({"a": 1}, [], None),
    ],
)
def test_a_source_key_is_text(record, properties, key):
    """The same key must come out whether the source gave a number or its text."""
    assert source_key(record, properties) == key


def test_the_file_holds_what_has_changed_and_nothing_twice(tmp_path):
    """Whoever is known already, and a deletion of what nobody knows, is no line; by a key alone all streams forget."""
    path = tmp_path / "ids.jsonl"
    ids = IdMap(path)
    for stream, module in (("shop", "Accounts"), ("crm", "Accounts"), ("people", "Contacts")):
        for _ in range(2):
            ids.remember(stream, module, "1", f"of {stream}")
            ids.remember_version(stream, 7)
    ids.forget("shop", "Accounts", "2")
    ids.forget_key("1", module="Accounts")
    ids.close()

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(each["stream"], each.get("id"), each.get("version")) for each in lines] == [
        *(
            line
            for stream in ("shop", "crm", "people")
            for line in ((stream, f"of {stream}", None), (stream, None, 7))
        ),
        ("shop", None, None),
        ("crm", None, None),
    ]


def test_a_dry_run_knows_the_map_and_leaves_it(tmp_path):
    """It makes no file where there is none, and writes nothing into one that is there."""
    path = tmp_path / "new" / "ids.jsonl"
    nothing = IdMap(path, read_only=True)
    nothing.remember("crm", "Accounts", "1", "900")
    nothing.flush()
    nothing.close()
    assert list(tmp_path.iterdir()) == []
    kept = IdMap(path)
    kept.remember("crm", "Accounts", "1", "900")
    kept.close()
    before = path.read_bytes()

    dry = IdMap(path, read_only=True)
    known = dry.of_stream("crm", "Accounts", "1")
    dry.remember("crm", "Accounts", "2", "901")
    dry.flush()
    dry.close()

    assert (known, path.read_bytes()) == ("900", before)
