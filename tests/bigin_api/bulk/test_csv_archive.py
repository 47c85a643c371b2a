"""Zips with one CSV: what is written comes back, and what is not as it should be is not unpacked."""

import io
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigin_api import ArchiveRefused, CsvArchive, InvalidRequest, read_rows
from bigin_api.bulk.csv_archive import MAX_RATIO, UNSUSPICIOUS_BYTES
from bigin_api.limits import MAX_BYTES_PER_BULK_WRITE, MAX_RECORDS_PER_BULK_WRITE

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def archive_of(*members: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


def rows_of(content: bytes) -> list[list[str]]:
    return list(read_rows(archive_of(("1.csv", content))))


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width))))
def test_what_is_written_comes_back(rows):
    """Quotes, line breaks, delimiters and every script survive the way through the zip."""
    width = len(rows[0]) if rows else 1
    file = io.BytesIO()

    with CsvArchive(file, "c.csv", ["Last_Name"] * width) as archive:
        taken = [archive.add(row) for row in rows]

    assert all(taken)
    assert archive.rows == len(rows)
    assert list(read_rows(file)) == [["Last_Name"] * width, *rows]


def test_no_value_is_an_empty_cell():
    """Blank cells are skipped or erase, as the job says: there is no other way to say null."""
    file = io.BytesIO()

    with CsvArchive(file, "c.csv", ["a", "b"]) as archive:
        archive.add([None, ""])

    assert list(read_rows(file)) == [["a", "b"], ["", ""]]


def test_rows_beyond_the_limit_are_not_taken():
    """The job would be refused whole: what does not fit begins the next file."""
    file = io.BytesIO()

    with CsvArchive(file, "c.csv", ["a"]) as archive:
        taken = sum(archive.add(["x"]) for _ in range(MAX_RECORDS_PER_BULK_WRITE + 3))

    assert taken == archive.rows == MAX_RECORDS_PER_BULK_WRITE
    assert sum(1 for _ in read_rows(file)) == MAX_RECORDS_PER_BULK_WRITE + 1


def test_bytes_beyond_the_limit_are_not_taken():
    """25 MB of CSV, counted in bytes and not in letters."""
    file = io.BytesIO()
    million = "é" * 500_000

    with CsvArchive(file, "c.csv", ["a"]) as archive:
        taken = [archive.add([million]) for _ in range(30)]
        small = archive.add(["x"])

        room = MAX_BYTES_PER_BULK_WRITE - archive.bytes - len(b'""\r\n')
        last = [archive.add(["x" * size]) for size in (room + 1, room)]

    assert taken == [True] * 26 + [False] * 4
    assert small
    assert last == [False, True]
    file.seek(0)
    with zipfile.ZipFile(file) as archived:
        assert archived.getinfo("c.csv").file_size == MAX_BYTES_PER_BULK_WRITE


def test_too_many_columns_are_refused_before_anything_is_written():
    """Bigin takes 200."""
    CsvArchive(io.BytesIO(), "1.csv", ["a"] * 200).close()
    with pytest.raises(InvalidRequest, match="201 columns"):
        CsvArchive(io.BytesIO(), "c.csv", ["a"] * 201)


def test_a_row_of_another_width_is_a_mistake_of_ours():
    """A shifted row would write each value into the next field."""
    with CsvArchive(io.BytesIO(), "c.csv", ["a", "b"]) as archive, pytest.raises(ValueError, match="3 cells"):
        archive.add(["1", "2", "3"])


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([], "holds 0 members"),
        ([("1.csv", b"Id\n"), ("2.csv", b"Id\n")], "holds 2 members"),
        ([("1.txt", b"Id\n")], "no plain .csv"),
        ([("../1.csv", b"Id\n")], "no plain .csv"),
        ([("/etc/1.csv", b"Id\n")], "no plain .csv"),
        ([("folder/1.csv", b"Id\n")], "no plain .csv"),
        ([("folder\\1.csv", b"Id\n")], "no plain .csv"),
        ([("C:1.csv", b"Id\n")], "no plain .csv"),
        ([("folder.csv/", b"")], "no plain .csv"),
        ([("1.csv", b"0" * (UNSUSPICIOUS_BYTES + 1))], "refused"),
    ],
)
def test_an_archive_that_is_anything_else_is_not_unpacked(members, says):
    """Nobody vouches for a download: bombs, path names and stowaways stay in their zip."""
    with pytest.raises(ArchiveRefused, match=says):
        list(read_rows(archive_of(*members)))


def test_an_encrypted_member_is_refused():
    """There is no password to ask for."""
    file = archive_of(("1.csv", b"Id\n"))
    content = bytearray(file.getvalue())
    content[content.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(ArchiveRefused, match="encrypted"):
        list(read_rows(io.BytesIO(bytes(content))))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(how):
    """Bigin packs as everybody does; anything else is not from there, and unpacks without a bound."""
    with pytest.raises(ArchiveRefused, match="packed in a way"):
        list(read_rows(archive_of(("1.csv", b"Id\n"), how=how)))


def test_a_stored_member_is_taken():
    """A small file may come unpacked."""
    assert list(read_rows(archive_of(("1.csv", b"Id\n1\n"), how=zipfile.ZIP_STORED))) == [["Id"], ["1"]]


def test_a_bomb_that_lies_about_its_size_is_cut_off_there():
    """The declared size is the limit: what comes beyond it is never unpacked."""
    bomb = archive_of(("1.csv", b"Id\n" + b"0" * 50_000_000))
    content = bytearray(bomb.getvalue())
    place = content.index(b"PK\x01\x02") + 24
    assert struct.unpack_from("<I", content, place) == (50_000_003,)
    struct.pack_into("<I", content, place, 1000)

    tracemalloc.start()
    with pytest.raises(ArchiveRefused):
        list(read_rows(io.BytesIO(bytes(content))))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 5_000_000


def test_an_honest_ratio_is_taken():
    """Tables with many empty columns are packed tightly, and are no bombs."""
    rows = b"".join(b"%018d" % number + b"," * 60 + b"\n" for number in range(60_000))
    file = archive_of(("1.csv", b"Id" + b"," * 60 + b"\n" + rows))

    with zipfile.ZipFile(file) as archive:
        (member,) = archive.infolist()

    assert UNSUSPICIOUS_BYTES < member.file_size < MAX_RATIO * member.compress_size
    assert sum(1 for _ in read_rows(file)) == 60_001


def test_what_is_no_utf_8_costs_its_value_alone():
    """The row is given; whoever writes it sees that it cannot be said."""
    rows = rows_of(b"Id,Last_Name\n1,B\xff\n2,Berg\n")

    assert rows[2] == ["2", "Berg"]
    assert rows[1] == ["1", "B\udcff"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Id,Last_Name\n1,Berg\n2\n", "row 3 has 1 columns"),
        (b"Id,Last_Name\n1,Berg,x\n", "row 2 has 3 columns"),
        (b'Id\n"1', "cannot be read .unexpected end of data"),
        (b'Id\n"1"x\n', "cannot be read .',' expected"),
        (b'Id\n"' + b"x" * 200_000 + b'"\n', "cannot be read .field larger"),
    ],
)
def test_a_csv_that_is_broken_is_refused(content, says):
    """Half a row must not become a record."""
    with pytest.raises(ArchiveRefused, match=says):
        rows_of(content)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"", []),
        (b"Id,Last_Name\n", [["Id", "Last_Name"]]),
        (b"\xef\xbb\xbfId\r\n1\r\n", [["Id"], ["1"]]),
        (b"Id\n1\n\n2\n", [["Id"], ["1"], ["2"]]),
        (b'Id,a\n1,"x\r\ny"\n', [["Id", "a"], ["1", "x\r\ny"]]),
    ],
)
def test_a_csv_as_bigin_may_write_it(content, rows):
    """No rows at all, a byte order mark, empty lines, line breaks inside quotes."""
    assert rows_of(content) == rows


WHOLE = archive_of(("1.csv", b"Id,Last_Name\n" + b"".join(b"%d,Berg\n" % n for n in range(200)))).getvalue()
ROWS = [["Id", "Last_Name"], *([str(n), "Berg"] for n in range(200))]


@given(st.integers(0, len(WHOLE) - 1))
def test_a_download_that_is_cut_off_anywhere_is_refused(kept):
    """The directory of a zip stands at its end: whatever is missing is noticed."""
    with pytest.raises(ArchiveRefused):
        list(read_rows(io.BytesIO(WHOLE[:kept])))


@example(28, 1)
@example(29, 2)
@example(459, 1)
@example(518, 4)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_download_that_is_damaged_gives_the_right_rows_or_none(place, change):
    """The checksum stands for the rows; damage elsewhere may go unnoticed as long as they are right."""
    damaged = bytearray(WHOLE)
    damaged[place] ^= change

    def outcome() -> list[list[str]] | None:
        try:
            return list(read_rows(io.BytesIO(bytes(damaged))))
        except ArchiveRefused:
            return None

    assert outcome() in (None, ROWS)


@given(st.binary(max_size=300))
def test_what_is_no_zip_is_refused(content):
    """A page of a proxy, a message in JSON: none of it is an empty result."""
    with pytest.raises(ArchiveRefused):
        list(read_rows(io.BytesIO(content)))


def test_20_000_rows_take_no_more_memory_than_2_000(tmp_path):
    """A job's file is as large as an organisation: it is read row by row."""
    peaks = []
    for number in (2_000, 20_000):
        path = tmp_path / f"{number}.zip"
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("1.csv", "w") as member,
        ):
            member.write(b"Id,Last_Name,Email\n")
            for row in range(number):
                member.write(b'%018d,"Berg %d",ann%d@example.org\n' % (row, row, row))
        tracemalloc.start()
        with path.open("rb") as file:
            assert sum(1 for _ in read_rows(file)) == number + 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.5 * peaks[0]
