"""What nobody can build here is read: the images, and what a source distribution takes along."""

from __future__ import annotations

import fnmatch
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
IMAGES = ["Dockerfile", "examples/airbyte/image/Dockerfile"]
BUILT = "bigin-singer"  # what README has the first image called
BY_SETUPTOOLS = {"pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"}  # it takes them along by itself


def steps(image: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each in one line."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / image).read_text("utf-8"))
    lines = [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


@pytest.mark.parametrize("image", IMAGES)
def test_what_an_image_copies_is_there(image):
    """A path that moved is found when somebody builds, months later."""
    folder = (ROOT / image).parent
    for step, what in steps(image):
        if step in {"COPY", "ADD"} and not what.startswith("--from"):
            for source in what.split()[:-1]:
                assert (folder / source).exists(), source


@pytest.mark.parametrize("image", IMAGES)
def test_the_commands_of_an_image_are_the_packages(image):
    """Each is an entry point, and what it names can be imported."""
    named = {
        word
        for step, what in steps(image)
        if step in {"CMD", "ENTRYPOINT"}
        for word in yaml.safe_load(what)[:1]
    }

    assert named
    for name in named:
        module, _, place = PROJECT["scripts"][name].partition(":")
        found = importlib.import_module(module)
        for part in place.split("."):
            found = getattr(found, part)
        assert callable(found)


def test_the_image_is_what_it_says():
    """A supported Python, extras that there are, a user without rights; and the image on it begins with it."""
    first = steps("Dockerfile")
    pythons = {found for _, what in first for found in re.findall(r"^python:(3\.\d+)", what)}
    extras = {
        name
        for _, what in first
        for found in re.findall(r"\[([a-z,]+)\]'", what)
        for name in found.split(",")
    }

    assert pythons
    assert {f"Programming Language :: Python :: {each}" for each in pythons} <= set(PROJECT["classifiers"])
    assert extras
    assert extras <= PROJECT["optional-dependencies"].keys()
    assert [what for step, what in first if step == "USER"] == ["bigin"]
    assert steps("examples/airbyte/image/Dockerfile")[0] == ("FROM", BUILT)
    assert f"docker build --tag {BUILT} ." in (ROOT / "README.md").read_text("utf-8")


def test_an_image_gets_what_the_package_is_built_from_and_no_secrets():
    """What .dockerignore leaves out is missed by `pip wheel`, or seen by whoever gets the image."""
    ignored = [
        each for each in (ROOT / ".dockerignore").read_text("utf-8").split("\n") if each and each[0] != "#"
    ]

    def is_ignored(name: str) -> bool:
        return any(fnmatch.fnmatch(name, each.lstrip("/")) for each in ignored)

    needed = [*BY_SETUPTOOLS, PROJECT["readme"], *PROJECT["license-files"]]
    needed += [each.name for each in ROOT.glob("[a-z]*_*") if (each / "__init__.py").exists()]
    assert [each for each in needed if is_ignored(each) or not (ROOT / each).exists()] == []
    secret = [
        "config.json",
        "tap.json",
        "token.json",
        "api.jsonl",
        "target-bigin-rejects.jsonl",
        ".env",
        ".git",
    ]
    assert [each for each in secret if not is_ignored(each)] == []


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="not a clone")
def test_the_sources_that_are_handed_on_are_whole():
    """README and Makefile of a source distribution speak of every folder."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {each.partition("/")[0] for each in listed.splitlines()}
    packages = {each for each in top if (ROOT / each / "__init__.py").exists() and "_" in each}
    manifest = (ROOT / "MANIFEST.in").read_text("utf-8").splitlines()
    taken = {name for line in manifest if line.startswith(("include", "graft")) for name in line.split()[1:]}

    assert top - packages - BY_SETUPTOOLS - taken - {".github", ".ci"} == set()
