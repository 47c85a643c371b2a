"""The faults themselves: which are found, what is left alone, and how one is put in and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mutants.faults import find
from mutants.nets import watched
from mutants.recording import Nets
from mutants.sampling import sample
from mutants.swapping import can_swap, swap

ROOT = Path(__file__).resolve().parent.parent.parent

CASES = {
    "negated": ("return a in b", "return (a not in b)"),
    "boundary": ("return a < b", "return (a <= b)"),
    "and/or": ("return a and b", "return (a or b)"),
    "operand dropped": ("return a and b and c", "return (a and c)"),
    "sign": ("return -a", "return a"),
    "arithmetic": ("return a + b", "return (a - b)"),
    "true/false": ("f(True)", "f(False)"),
    "number": ("f(1)", "f(2)"),
    "name": ("return min(a, b)", "return max(a, b)"),
    "in front": ("a.append(b)", "a.insert(0, b)"),
    "argument dropped": ("f(a, b=c)", "f(a)"),
    "slice": ("return a[:n]", "return a[:n + 1]"),
    "condition": ("if a: f()", "if False: f()"),
    "exception": ("try: f()\n    except (A, B): pass", "try: f()\n    except (B,): pass"),
    "context": ("with lock: f()", "with __import__('contextlib').nullcontext(): f()"),
    "return": ("return f(a)", "return None"),
    "removed": ("f(a)", "pass"),
    "loop": ("while a: break", "while a: continue"),
}


def faults(body: str) -> list[tuple[str, str]]:
    source = f"def function(a, b):\n    {body}\n"
    return [
        (each.operator, each.apply(source).split("\n    ", 1)[1].rstrip()) for each in find(source, "f.py")
    ]


@pytest.mark.parametrize("operator", CASES)
def test_each_kind_of_fault_is_put_in(operator):
    """What is never put in is never noticed to be missing."""
    before, after = CASES[operator]

    assert (operator, after) in faults(before)


@pytest.mark.parametrize(
    "body",
    [
        '"""Returns 1."""',
        'logger.info("%s of %s", 1, 2)',
        "text: dict[Literal[1], int]",
        "first = name",  # without it the name is missing, which any test notices
        'return "texts are no promise"',
        'pool = Pool(name="what a thread is called")',
    ],
)
def test_what_no_test_should_hold_is_left_alone(body):
    """Faults in it would survive and hide those that matter."""
    assert faults(body) == []


def test_what_is_for_the_type_checker_alone_is_left_alone():
    """It never runs."""
    assert find("if TYPE_CHECKING:\n    MOST = 1\n", "f.py") == []


def test_the_words_of_an_error_are_left_alone_and_raising_it_is_not():
    """Whether it is raised is a promise; what it says is none."""
    assert faults('raise ValueError("no more than", 1)') == [("removed", "pass")]


def test_what_a_condition_assigns_is_assigned_all_the_same():
    """Else the fault would be a missing name."""
    assert ("condition", "if ((x := a) and False): f(x)") in faults("if x := a: f(x)")


def test_a_second_assignment_may_be_missing_and_the_first_may_not():
    """Of an attribute in __init__ likewise: what reads it would fail at once."""
    assert ("removed", "pass; a = 3") in faults("a = f(b); a = 3")
    assert find("class A:\n    def __init__(self, a):\n        self.a = a\n", "f.py") == []


def test_letters_of_several_bytes_do_not_shift_a_fault():
    """Python tells columns in bytes."""
    assert ("boundary", "return 'Zoë →', (a <= b)") in faults("return 'Zoë →', a < b")


def test_the_lines_shown_are_those_that_differ():
    """The report must say where to look."""
    source = "def f(a, b):\n    g(\n        a,\n        1,\n    )\n    return b\n"
    (removed,) = (each for each in find(source, "f.py") if each.operator == "removed")

    assert removed.shown(source) == (2, ["    g(", "        a,", "        1,", "    )"], ["    pass"])


def test_a_fault_keeps_its_name_when_its_function_moves_or_is_laid_out_anew():
    """What is known to be equal stays known."""
    here = find("def f(a):\n    return g(a, 1)\n", "here.py")
    there = find(
        "import b\n\n\ndef f(a):\n    # why\n    return g(\n        a,\n        1,\n    )\n", "there.py"
    )

    assert [each.key for each in here] == [each.key for each in there]
    assert [each.id for each in here] == [each.id for each in there]


def test_a_fault_in_the_head_of_a_block_is_run_by_the_lines_of_the_head():
    """A test that runs the head alone can notice it; one that runs only the line after cannot be meant."""
    source = "def f(a, b):\n    if (\n        a\n        and b\n    ):\n        return 1\n"

    assert {each.lines for each in find(source, "f.py") if each.operator == "and/or"} == {range(2, 6)}


def test_a_sample_is_the_same_for_a_seed_and_takes_from_each_file_by_its_size():
    """A survivor can be looked for again, and no file is left out for being small."""
    sizes = {"few.py": 2, "some.py": 60, "many.py": 120}
    every = [each for file, size in sizes.items() for each in find(_calls(size), file)]

    drawn = sample(every, 60, seed=7)

    assert drawn == sample(every, 60, seed=7) != sample(every, 60, seed=8)
    assert len({(each.file, each.id) for each in drawn}) == 60
    few, some, many = (sum(each.file == file for each in drawn) for file in sizes)
    assert 1 <= few < some < many
    assert len(sample(every, 2, seed=7)) == 2
    assert len(sample(every, 0, seed=7)) == len(every)


def test_a_sample_keeps_its_faults_where_other_code_changes():
    """What was mended for a draw stays in it: the draw is the net that is kept whole."""
    before, after = find(_calls(200), "f.py"), find("def new(b): return b + 1\n" + _calls(199), "f.py")

    drawn, later = ({each.id for each in sample(every, 60, seed=7)} for every in (before, after))

    assert len(drawn & later) >= 55


def _calls(number: int) -> str:
    return "def f(a):\n" + "".join(f"    f(a, {each})\n" for each in range(number))


def test_tests_that_are_about_the_file_of_the_fault_come_first():
    """They notice it first. Last are those that start a process, for nobody sees which lines that runs."""
    fault = find("def f(a):\n    return g(a)\n", "f.py")[0]

    def note(*lines: int, elsewhere: int = 0, seconds: float = 0.0, spawns: bool = False) -> dict:
        ran = {"f.py": list(lines), "g.py": list(range(elsewhere))}
        return {"seconds": seconds, "lines": ran, "spawns": spawns}

    notes = {
        "command": note(spawns=True),
        "slow": note(2, seconds=5),
        "of all things": note(2, elsewhere=99),
        "about it": note(2),
        "another line": note(7),
    }
    nets = Nets({"f.py": ["test_f.py"]}, {"test_f.py": {"": note(1), **notes}})

    assert list(nets.tests_for(fault)) == ["about it", "slow", "of all things", "command"]


def test_what_importing_a_file_runs_is_told():
    """A function that is there already can be given a fault; what the file has made of it cannot."""
    importing, calling = find("LIMIT = 1\ndef f(a): return g(a)\n", "f.py")[::2]
    nets = Nets({"f.py": ["test_f.py"]}, {"test_f.py": {"": {"lines": {"f.py": [1]}}}})

    assert nets.is_imported(importing)
    assert not nets.is_imported(calling)


def test_a_function_that_is_there_already_takes_the_fault():
    """So that the tests need not be collected again."""
    before = "class A:\n    def f(self, row):\n        g()\n        return [each + 1 for each in row]\n"
    after = before.replace("    g()\n", "    pass\n").replace("each + 1", "each - 1")
    there: dict[str, Any] = {}
    exec(compile(before, "f.py", "exec", dont_inherit=True), there)

    swap([there["A"].f], before, after)

    assert there["A"]().f([1, 2]) == [0, 1]


def test_a_function_that_would_need_less_from_around_it_cannot_take_the_fault():
    """Python refuses it, so the file is imported with it instead."""
    before = "def f(a):\n    def g(): return a\n    return g\n"

    assert can_swap(before, before.replace("return g", "return f(g)"))
    assert not can_swap(before, before.replace("return a", "return None"))


def test_the_table_of_nets_names_files_that_are_there():
    """Code that moved would be watched no more."""
    nets = watched(ROOT)

    assert all((ROOT / file).exists() for tests in nets.values() for file in tests)
    assert "target_bigin/writing/calls.py" in nets
