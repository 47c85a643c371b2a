"""What is declared in code stands in the README, in meltano.yml and in the docs, and says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.processes import run

import bigin_api
from tap_bigin.settings import OF_THE_TARGET
from tap_bigin.tap import TapBigin
from target_bigin.settings_schema import OF_THE_TAP, TARGET_SETTINGS
from target_bigin.target import TargetBigin

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
BUILT_IN = (
    "batch_",
    "faker_",
    "flattening_",
    "stream_map",
)  # the SDK's own settings, added when a plugin is made
OF_A_PROJECT = {"token_cache_path"}  # whose default makes sense in a project alone
PLUGINS = {"tap-bigin": (TapBigin, "extractors"), "target-bigin": (TargetBigin, "loaders")}
SETTINGS = [
    (plugin, name, schema)
    for plugin, (cls, _) in PLUGINS.items()
    for name, schema in cls.config_jsonschema["properties"].items()
]


def declared(plugin: str) -> dict:
    return next(each for each in PROJECT["plugins"][PLUGINS[plugin][1]] if each["name"] == plugin)


@pytest.mark.parametrize(("plugin", "name", "schema"), SETTINGS, ids=[f"{p}-{n}" for p, n, _ in SETTINGS])
def test_meltano_declares_each_setting_with_the_same_secrecy_and_default(plugin, name, schema):
    """A setting that Meltano does not know cannot be set there, and a secret it does not know is shown."""
    settings = {each["name"]: each for each in declared(plugin)["settings"]}

    assert name in settings
    assert settings[name].get("sensitive", False) == bool(schema.get("secret"))
    if name not in OF_A_PROJECT:
        assert settings[name].get("value") == schema.get("default")
    assert settings[name]["description"].strip()


@pytest.mark.parametrize(("plugin", "name", "schema"), SETTINGS, ids=[f"{p}-{n}" for p, n, _ in SETTINGS])
def test_the_readme_has_a_row_for_each_setting(plugin, name, schema):
    """People look in the README first."""
    readme = (ROOT / "README.md").read_text("utf-8")
    part = readme.split(f"<!-- settings of {plugin} -->")[1].split("<!-- end -->")[0]

    assert f"| `{name}` |" in part


@pytest.mark.parametrize("plugin", PLUGINS)
def test_meltano_declares_no_setting_that_the_plugin_lacks(plugin):
    """A setting that does nothing is worse than none."""
    known = set(PLUGINS[plugin][0].config_jsonschema["properties"])
    declared_names = {each["name"].partition(".")[0] for each in declared(plugin)["settings"]}

    assert {each for each in declared_names if not each.startswith(BUILT_IN)} <= known


@pytest.mark.parametrize("plugin", PLUGINS)
def test_meltano_demands_the_credentials_and_shows_errors_at_their_level(plugin):
    """Without structured-logging, --log-level=warning hides the plugin's errors."""
    definition = declared(plugin)

    credentials = [["client_id", "client_secret", "refresh_token"], ["access_token"]]
    assert definition["settings_group_validation"] == credentials
    assert "structured-logging" in definition["capabilities"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_capabilities_declared_are_those_that_the_plugin_has(plugin):
    """Meltano passes --catalog and --state only to a plugin that says it takes them."""
    about = run(plugin, "--about", "--format=json").stdout
    own = set(yaml.safe_load(about)["capabilities"])

    assert set(declared(plugin)["capabilities"]) - {"structured-logging"} <= own


def test_what_is_written_from_the_code_is_up_to_date():
    """`make docs` was run after the last change."""
    checked = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout


def test_links_between_the_documents_lead_somewhere():
    """A dead link is the first thing a newcomer meets."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]

    assert dead == []


def test_the_public_face_of_the_client_is_what_it_says():
    """Each name in __all__ is there and documented; nothing else is promised."""
    for name in bigin_api.__all__:
        assert getattr(bigin_api, name).__doc__ or isinstance(getattr(bigin_api, name), dict), name


@pytest.mark.parametrize("plugin", ["tap-bigin", "target-bigin", "bigin-reconcile", "bigin-sandbox", "bigin"])
def test_each_command_explains_itself(plugin):
    """--help works without a configuration."""
    helped = subprocess.run(
        [str(Path(sys.executable).parent / plugin), "--help"], capture_output=True, text=True, check=True
    )

    assert "Usage" in helped.stdout or "usage" in helped.stdout


def test_each_plugin_knows_the_settings_of_its_sister():
    """One file may serve both: what the other one has is no mistake, and what neither has is one."""
    of_tap, of_target = (set(PLUGINS[name][0].config_jsonschema["properties"]) for name in PLUGINS)

    assert not [name for name in of_tap - of_target - OF_THE_TAP if not name.startswith(BUILT_IN)]
    assert of_tap >= OF_THE_TAP
    assert set(TARGET_SETTINGS) == OF_THE_TARGET


def test_the_readme_of_the_package_leads_nowhere_in_the_repository():
    """On a package index a link to docs/ is dead."""
    readme = (ROOT / "packaging" / "README.md").read_text("utf-8")

    assert re.findall(r"\]\((?!https?:|#|mailto:)[^)]+\)", readme) == []
    assert "tap-bigin" in readme


@pytest.mark.parametrize(
    "page", ["docs/explanation/architecture.md", "docs/explanation/decisions.md", "CONTRIBUTING.md"]
)
def test_a_page_names_files_that_there_are(page):
    """A newcomer goes by these names; files move, and pages stay behind."""
    folders = [*ROOT.glob("[a-z]*_*"), ROOT / "tests"]
    files = [str(each.relative_to(ROOT)) for folder in folders for each in folder.rglob("*.py")]

    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)`", (ROOT / page).read_text("utf-8"))

    assert named
    assert [each for each in named if not any(f"/{file}".endswith(f"/{each}") for file in files)] == []
