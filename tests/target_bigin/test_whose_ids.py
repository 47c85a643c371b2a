"""Ids in the records: this organisation's, or those of the one that they were read from."""

from __future__ import annotations

import pytest
from support.target import record, records, schema

from target_bigin.schema.id_origin import CREATED, OF_AN_EXTRACTION, is_the_same, whose_ids
from target_bigin.settings import StreamSettings

READ_FROM_BIGIN = ("id", "Last_Name", "Email", "Created_Time", "Modified_Time", "Created_By", "Modified_By")
STRANGER = "6999000000000001001"
LONG_AGO = "2019-05-14T09:53:58Z"


def stranger(number):
    return {
        "id": str(int(STRANGER) + number),
        "Last_Name": f"Berg {number}",
        "Email": f"berg{number}@example.org",
        "Created_Time": LONG_AGO,
    }


def extracted(*rows):
    return [schema("Contacts", *READ_FROM_BIGIN, key=["id"]), *records("Contacts", rows)]


def test_records_of_another_organisation_are_copied_without_a_setting(sandbox, target):
    """`tap-bigin | target-bigin` into an empty organisation is what everybody tries first."""
    sandbox.reset(size="empty")

    run = target(extracted(*(stranger(number) for number in range(5))))
    again = target(extracted(*(stranger(number) for number in range(5))))

    assert run.outcomes("Contacts") == {"inserted": 5}
    assert again.outcomes("Contacts") == {"updated": 5}
    assert sandbox.count("Contacts") == 5
    assert run.said("another organisation's")


def test_a_stream_that_goes_to_another_module_begins_there_anew(sandbox, target, tmp_path):
    """Its keys stood for records of the old module: each was an update of an id that the new one lacks."""
    sandbox.reset(size="empty")
    rows = [{"key": str(each), "Last_Name": "Berg", "Product_Name": f"Berg {each}"} for each in range(3)]
    sent = [schema("crm", "key", "Last_Name", "Product_Name", key=["key"]), *records("crm", rows)]

    def run(module):
        streams = {"crm": {"module": module, "operation": "insert", "ids": "source"}}
        return target(sent, streams=streams, id_map_path=str(tmp_path / "ids.jsonl")).outcomes("crm")

    assert [run("Contacts"), run("Products"), run("Products"), run("Contacts")] == [
        {"inserted": 3},
        {"inserted": 3},
        {"updated": 3},
        {"updated": 3},
    ]
    assert (sandbox.count("Contacts"), sandbox.count("Products")) == (3, 3)


def test_a_deletion_of_what_was_never_copied_is_nothing_to_do(sandbox, target):
    """It asks nobody, waits for no brake, and is no reject that somebody would have to look at."""
    sandbox.reset(size="empty")
    gone = {**stranger(1), "_sdc_deleted_at": "2026-05-14T09:53:58Z"}

    run = target(extracted(gone), deletes="delete", streams={"Contacts": {"ids": "source"}})

    assert run.error is None
    assert run.outcomes("Contacts") == {"unchanged": 1}
    assert run.said("deletions of records that were never copied")


def test_an_id_that_is_somebody_elses_here_is_a_strangers_all_the_same(sandbox, target):
    """Two organisations may count alike: the moment of creation tells them apart."""
    held = sandbox.dump("Contacts")[0]
    row = {**stranger(1), "id": held["id"]}

    run = target(extracted(row))

    assert run.outcomes("Contacts") == {"inserted": 1}
    assert next(each for each in sandbox.dump("Contacts") if each["id"] == held["id"]) == held


def test_a_record_read_from_here_is_updated_by_its_id(sandbox, target):
    """The warehouse's copy of our own organisation comes back: the id wins over the e-mail address."""
    held = sandbox.dump("Contacts")[0]
    row = {"id": held["id"], "Email": "changed@example.org", "Created_Time": held["Created_Time"]}

    run = target(extracted(row))

    assert run.outcomes("Contacts") == {"updated": 1}
    assert sandbox.dump("Contacts")[0]["Email"] == "changed@example.org"


def test_an_unknown_id_in_a_stream_of_somebodys_own_is_unmatched(sandbox, target):
    """A stream that nobody read from Bigin means what it says: an id is an update, never an insert."""
    before = sandbox.count("Contacts")

    run = target(
        [schema("Contacts", "Last_Name", key=["id"]), record("Contacts", id=STRANGER, Last_Name="Berg")]
    )

    assert run.outcomes("Contacts") == {"unmatched": 1}
    assert sandbox.count("Contacts") == before


@pytest.mark.parametrize(
    "settings", [{"operation": "insert"}, {"duplicate_check_fields": ["Email"]}], ids=["insert", "own key"]
)
def test_ids_do_not_count_where_something_else_identifies_a_record(sandbox, target, settings):
    """Who inserts, or names a key, cannot mean the ids of another organisation."""
    run = target(
        [
            schema("Contacts", "Last_Name", "Email", key=["id"]),
            *records("Contacts", [stranger(1), stranger(2)]),
        ],
        streams={"Contacts": settings},
    )

    assert run.outcomes("Contacts") == {"inserted": 2}


def test_what_describes_the_other_organisation_is_not_written_and_not_rejected(sandbox, target):
    """tap-bigin gives users and settings too: they are no reason to fail a run."""
    run = target(
        [
            schema("settings_fields", "module", "api_name", key=["module", "api_name"]),
            record("settings_fields", module="Contacts", api_name="Email"),
            schema("users", "full_name", "zuid", "profile", key=["id"]),
            record("users", id="6100000000000002011", full_name="Ann Ek"),
        ]
    )

    assert run.error is None
    assert run.outcomes("settings_fields") == {"unchanged": 1}
    assert run.outcomes("users") == {"unchanged": 1}


def test_another_taps_users_are_rejected(sandbox, target):
    """A stream that nobody mapped is not lost without a word because of its name."""
    run = target([schema("users", "login", key=["login"]), record("users", login="ann")], max_rejects=1)

    assert run.outcomes("users") == {"invalid": 1}


def test_what_one_stream_tells_holds_for_all_of_the_pipe(sandbox, target):
    """A pipe comes from one organisation: a company deleted here since is no sign of another one."""
    company, contact = sandbox.dump("Accounts")[0], sandbox.dump("Contacts")[0]
    sandbox.mutate({"op": "delete", "module": "Accounts", "id": company["id"]})
    before = sandbox.count("Accounts")
    read = {"Created_Time": contact["Created_Time"]}

    run = target(
        [
            schema("Contacts", *READ_FROM_BIGIN, key=["id"]),
            schema("Accounts", *READ_FROM_BIGIN, "Account_Name", key=["id"]),
            record("Contacts", id=contact["id"], Email="changed@example.org", **read),
            record(
                "Accounts", id=company["id"], Account_Name="Renamed", Created_Time=company["Created_Time"]
            ),
        ],
        max_rejects=1,
    )

    assert run.outcomes("Contacts") == {"updated": 1}
    assert run.outcomes("Accounts") == {"unmatched": 1}
    assert sandbox.count("Accounts") == before


def test_what_cannot_be_recognised_is_refused_once_the_ids_are_known_as_foreign(sandbox, target, tmp_path):
    """Tasks have no key: a stranger's id may be the id of a task of ours, which would be overwritten."""
    held = sandbox.dump("Tasks")[0]
    task = schema("Tasks", *READ_FROM_BIGIN, "Subject", key=["id"])
    told = [
        task,
        *extracted(stranger(1)),
        record("Tasks", id=held["id"], Subject="Theirs", Created_Time=LONG_AGO),
    ]

    run = target(told, max_rejects=1)
    copied = target(told, id_map_path=str(tmp_path / "ids.jsonl"))

    assert run.outcomes("Tasks") == {"invalid": 1}
    assert run.said("set id_map_path, external_key or operation insert to copy Tasks")
    assert sandbox.dump("Tasks")[0] == held
    assert copied.outcomes("Tasks") == {"inserted": 1}


def test_rows_follow_the_records_that_they_belong_to(sandbox, target, tmp_path):
    """tap-bigin tells all its schemas first, when nothing is known of the ids yet."""
    sandbox.reset(size="small")
    deal, product = sandbox.dump("Pipelines")[0], sandbox.dump("Products")[0]
    foreign = {"Created_Time": LONG_AGO, "Modified_Time": LONG_AGO}
    sub = {"Sub_Pipeline": deal["Sub_Pipeline"], "Stage": deal["Stage"]}

    run = target(
        [
            schema("Products", *READ_FROM_BIGIN, "Product_Name", key=["id"]),
            schema("Pipelines", *READ_FROM_BIGIN, "Deal_Name", *sub, key=["id"]),
            schema("pipelines_associated_products", "parent_id", "Product", "Quantity", key=["parent_id"]),
            record("Products", id=STRANGER, Product_Name="Theirs", **foreign),
            record("Pipelines", id=str(int(STRANGER) + 1), Deal_Name="Copied", **sub, **foreign),
            record(
                "pipelines_associated_products",
                parent_id=str(int(STRANGER) + 1),
                Product={"id": STRANGER},
                Quantity=2,
            ),
        ],
        id_map_path=str(tmp_path / "ids.jsonl"),
    )

    assert product["Product_Name"] != "Theirs"
    assert run.error is None, run.rejects
    assert run.outcomes("pipelines_associated_products") == {"updated": 1}


FROM_BIGIN = ("id", "Email", *sorted(OF_AN_EXTRACTION))


@pytest.mark.parametrize(
    ("properties", "keys", "settings", "answer"),
    [
        (FROM_BIGIN, ["id"], {}, "look"),
        (FROM_BIGIN, ["Email"], {}, "bigin"),
        (FROM_BIGIN, ["id", "Email"], {}, "bigin"),
        (FROM_BIGIN[:-1], ["id"], {}, "bigin"),
        (FROM_BIGIN[1:], ["id"], {}, "look"),  # the key alone names it
        (FROM_BIGIN[2:], ["id"], {}, "look"),
        (FROM_BIGIN[1:], ["Email"], {}, "bigin"),
        (["Id", "Email"], [], {"operation": "insert"}, "source"),
        (["Email"], ["Email"], {"operation": "insert"}, "bigin"),
        (FROM_BIGIN, ["id"], {"operation": "update"}, "bigin"),
        (FROM_BIGIN, ["id"], {"operation": "delete"}, "bigin"),
        (["id"], ["id"], {"duplicate_check_fields": ("Email",)}, "source"),
        (["id"], ["id"], {"external_key": "Email"}, "source"),
        (FROM_BIGIN, ["id"], {"ids": "bigin"}, "bigin"),
        (["Email"], ["Email"], {"ids": "source"}, "source"),
    ],
)
def test_whose_ids_they_are_is_known_before_the_first_record(properties, keys, settings, answer):
    """Where it is not, the record tells; nobody's ids are taken for a stranger's by a guess."""
    stream = StreamSettings("Contacts", **settings)

    assert whose_ids(stream, properties=properties, key_properties=keys) == answer


@pytest.mark.parametrize(
    ("created", "found", "is_same"),
    [
        ("2026-05-14T09:53:58Z", {CREATED: "2026-05-14T12:53:58+03:00"}, True),
        ("2026-05-14T09:53:58Z", {CREATED: "2026-05-14T09:53:59Z"}, False),
        ("2026-05-14T09:53:58Z", {}, False),
        ("2026-05-14T09:53:58Z", None, False),
        ("long ago", {CREATED: "2026-05-14T09:53:58Z"}, True),  # then its id alone tells
        (None, {}, True),
    ],
)
def test_a_record_is_the_same_if_it_was_made_at_the_same_moment(created, found, is_same):
    """Ids of two organisations may coincide."""
    assert is_the_same({CREATED: created}, found) is is_same
