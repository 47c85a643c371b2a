"""The cache of what was last written: what it may leave out, and when it must not."""

import contextlib
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_api import SettingsError
from target_bigin.files.fingerprints import Written, fingerprints, says_nothing_new

SLOT = ("people", "Contacts", "ann@example.org")
SETTINGS = {"operation": "upsert"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "written.sqlite"


@pytest.fixture
def open_cache(path):
    opened = []

    def opener(settings=SETTINGS, *, file=path):
        cache = Written(file)
        opened.append(cache)
        cache.use("people", settings)
        return cache

    yield opener
    for cache in opened:
        with contextlib.suppress(SettingsError):  # of one that a test has closed
            cache.close()


def test_what_was_kept_is_known_in_the_next_run(open_cache):
    """That is the whole point: a second run of the same records writes nothing."""
    first = open_cache()
    first.keep(SLOT, fingerprints({"Last_Name": "Berg"}))
    first.commit()

    assert says_nothing_new(fingerprints({"Last_Name": "Berg"}), open_cache().known(SLOT))


def test_what_an_earlier_version_kept_is_known_to_the_next():
    """Hashed otherwise, every record of every stream would be sent once more after an update."""
    kept = {"Last_Name": bytes.fromhex("82396dfbbd4e6039"), "Amount": bytes.fromhex("7a148f2c63572d35")}

    assert fingerprints({"Last_Name": "Berg", "Amount": 1.5}) == kept


@pytest.mark.parametrize(
    ("said", "is_old"),
    [
        ({"a": 1, "b": 2}, True),
        ({"a": 1}, True),
        ({"a": 1, "b": 3}, False),
        ({"a": 1, "c": 3}, False),
        ({"a": "1"}, False),
        ({"a": True}, False),
        ({"b": None}, False),
        ({}, True),
    ],
)
def test_a_record_is_compared_in_what_it_says(said, is_old):
    """A field that a record does not name is left as it is in Bigin, so it cannot have changed."""
    assert says_nothing_new(fingerprints(said), fingerprints({"a": 1, "b": 2})) is is_old


@given(
    st.dictionaries(
        st.text(max_size=9),
        # Long lists make every other draw too large: thrown away, they took 10 s.
        st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=4),
            max_leaves=10,
        ),
        max_size=5,
    )
)
def test_equal_records_have_equal_fingerprints_and_others_do_not(body):
    """A wrong "unchanged" is a lost update."""
    changed = {**body, "extra": 1}

    assert says_nothing_new(fingerprints(dict(reversed(body.items()))), fingerprints(body))
    assert says_nothing_new(fingerprints(changed), fingerprints(body)) is (body == changed)


def test_changed_settings_make_it_forget(open_cache):
    """The same record under null_values: write is another write."""
    first = open_cache({"null_values": "skip"})
    first.keep(SLOT, fingerprints({"a": 1}))
    first.commit()

    assert open_cache({"null_values": "write"}).known(SLOT) == {}


def test_what_is_taken_out_is_gone_after_a_kill(open_cache):
    """Taken out and committed before the call: if the answer is never seen, the record is sent again."""
    first = open_cache()
    first.keep(SLOT, fingerprints({"a": 1}))
    first.commit()
    first.take_out(SLOT)
    first.commit()

    assert open_cache().known(SLOT) == {}


def test_what_was_not_committed_is_not_believed(open_cache, path):
    """A record that was never settled must not count as written."""
    first = open_cache()
    first.keep(SLOT, fingerprints({"a": 1}))

    with sqlite3.connect(path) as other:
        rows = other.execute("select count(*) from written").fetchone()
    other.close()

    assert rows == (0,)


def test_streams_and_modules_do_not_meet(open_cache):
    """Two streams that write the same key to different modules are two records."""
    cache = open_cache()

    cache.keep(SLOT, fingerprints({"a": 1}))

    assert cache.known(("people", "Accounts", SLOT[2])) == {}


def test_a_cache_that_cannot_be_written_is_named(open_cache, path):
    """A sentence with the setting, where SQLite's own words would be a traceback."""
    cache = open_cache()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("drop table written")

    for use in (lambda: cache.keep(SLOT, {}), lambda: cache.take_out(SLOT), lambda: cache.known(SLOT)):
        with pytest.raises(SettingsError, match="unchanged_cache_path"):
            use()


def files_of(folder):
    """All but the memory that SQLite's readers share."""
    return {each.name: each.read_bytes() for each in folder.iterdir() if not each.name.endswith("-shm")}


@pytest.mark.parametrize("is_in_use", [True, False])
def test_a_dry_run_knows_what_was_kept_and_changes_nothing(open_cache, path, is_in_use):
    """It reads a copy, also while a run is at work, and makes no cache where there is none."""
    run, kept = open_cache(), fingerprints({"Last_Name": "Berg"})
    for slot in (SLOT, (*SLOT[:2], "eva@example.org")):
        run.keep(slot, kept)
    if is_in_use:
        run.commit()
    else:
        run.close()
    before = files_of(path.parent)

    for file, known in ((path, kept), (path.parent / "none", {})):
        dry = Written(file, read_only=True)
        dry.use("people", SETTINGS)
        assert dry.known(SLOT) == known
        dry.keep(SLOT, fingerprints({"Last_Name": "Ek"}))
        dry.take_out((*SLOT[:2], "eva@example.org"))
        dry.close()

    assert files_of(path.parent) == before
    assert is_in_use or list(before) == [path.name]  # nothing of SQLite's stays beside it


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    """A link into a folder of a disk that is not there: no file, and none can be made."""
    path = tmp_path / "written.sqlite"
    path.symlink_to(tmp_path / "away" / "written.sqlite")

    with pytest.raises(SettingsError, match="unchanged_cache_path: cannot write to"):
        Written(path)


def test_a_file_that_is_no_cache_is_named(tmp_path):
    """Overwriting somebody's file because a path was mistyped would be worse than stopping."""
    path = tmp_path / "contacts.csv"
    path.write_text("Last_Name,Email\n" * 100)

    with pytest.raises(SettingsError, match="unchanged_cache_path"):
        Written(path)
