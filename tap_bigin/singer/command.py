"""The command ``tap-bigin``: what the SDK makes of it, with everything checked that comes from outside."""

from __future__ import annotations

import atexit
import copy
import gc
import logging
import os
import warnings
from abc import abstractmethod
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

import click
from jsonschema import Draft7Validator
from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._batch import BatchConfig
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers._compat import SingerSDKPythonEOLWarning
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase, _ConfigInput
from singer_sdk.tap_base import CliTestOptionValue

from bigin_api import BiginError, SettingsError, unknown_settings
from bigin_api.errors import did_you_mean, sentence
from bigin_api.json_values import mapping
from bigin_api.run_files.run_report import write_failure
from bigin_api.run_files.standard_streams import keep_descriptors, require_stdout
from bigin_api.settings import demanded
from bigin_api.settings.environment import read_environment
from bigin_api.settings.files import read_json, read_open, read_settings
from tap_bigin.bookmarks import check_entry, check_shape, unwrapped_state
from tap_bigin.discovery.catalog_cache import carried_in
from tap_bigin.feed.mark import check_feed
from tap_bigin.lists.marks import check_mark, check_marks, told_in_full
from tap_bigin.report import read_told
from tap_bigin.settings import OF_THE_TARGET, SECRETS
from tap_bigin.singer.ending import Terminated, clear_ending
from tap_bigin.singer.writer import PageWriter, ShortStateWriter
from tap_bigin.values.drift import check_catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType


STATE = "state"
FEED = "feed"  # the part of the state beside the bookmarks


class BiginCommand(Tap):
    """What the SDK makes of a command line, with errors that a person can act on."""

    message_writer_class = PageWriter
    message_writer: PageWriter

    def __init__(self, *, catalog: Any = None, state: Any = None, **more: Any) -> None:
        """Keep what the catalog carries for this tap: the SDK reads it without, and the state too late."""
        whole, self.unreadable = state, _unreadable_entries(state)
        if self.unreadable:
            kept = {name: each for name, each in state["bookmarks"].items() if name not in self.unreadable}
            state = {**state, "bookmarks": kept}
        self.carried = carried_in(catalog, state)
        # For runs with a budget, also what was used before.
        self.carried_today = carried_in(catalog, None)
        self.known_state: Any = state
        self.only_discovers = not more.get("setup_mapper", True)
        self.told_before = read_told(state)
        with warnings.catch_warnings():
            # Python 3.10 is supported; that it ends would be said at each start.
            warnings.simplefilter("ignore", SingerSDKPythonEOLWarning)
            super().__init__(catalog=catalog, state=state, **more)
        as_they_came = {name: whole["bookmarks"][name] for name in self.unreadable}
        self._state_writer = ShortStateWriter(self.message_writer, as_they_came)
        if not self.logger.isEnabledFor(logging.DEBUG):
            self.metrics_logger.setLevel(logging.WARNING)  # a METRIC line for each file of records

    @abstractmethod
    def run(self) -> None:
        """Write all selected streams."""

    @abstractmethod
    def require_selection(self) -> None:
        """Raises SettingsError where nothing would be read."""

    @abstractmethod
    def test(self) -> None:
        """Read a record of each stream."""

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap, or print what it is."""
        with clear_ending(cls.logger):
            require_stdout()
            PluginBase.invoke.__func__(cls, about=about, about_format=about_format)  # type: ignore[attr-defined]
        cls.print_version(print_fn=cls.logger.info)
        atexit.register(gc.freeze)  # the system frees a process faster than Python its objects
        config = config or _ConfigInput()
        with clear_ending(cls.logger):
            try:
                tap = cls(
                    config=config.config,
                    state=_read(state, STATE, _check_state),
                    catalog=_read(catalog, "catalog", check_catalog),
                    parse_env_config=config.parse_env,
                    validate_config=True,
                )
                tap.require_selection()
            except BiginError as error:
                write_failure(cls.name, config.config or {}, error)
                raise
            tap.run()

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, once there are standard streams."""
        keep_descriptors()
        return _in_one_line(super().get_singer_command())

    @classmethod
    def cb_config(
        cls,
        ctx: click.Context,  # noqa: ARG003
        param: click.Option,  # noqa: ARG003
        value: tuple[str, ...],
    ) -> _ConfigInput:
        """Settings from files and, for ``ENV``, from the environment."""
        with clear_ending(cls.logger):
            files = [read_settings(path) for path in value if path != "ENV"]
            merged = {name: each for file in files for name, each in file.items()}
            return _ConfigInput(config=merged, parse_env="ENV" in value)

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001
        """Print the catalog."""
        with clear_ending(cls.logger):
            require_stdout()
            super().cb_discover(ctx, param, value)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read a record of each stream, or write the schemas alone."""
        with clear_ending(cls.logger):
            if value != CliTestOptionValue.All.value:
                super().cb_test(ctx, param, value)
                return
            config: _ConfigInput = ctx.params.get("config") or _ConfigInput()
            tap = cls(config=config.config, parse_env_config=config.parse_env, validate_config=True)
            tap.test()
            ctx.exit()

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state of the right shape. Raises SettingsError for another."""
        _check_state(state)
        super().load_state(told_in_full(state))
        if self.told_before:
            cast("dict[str, Any]", self.state)["told"] = self.told_before
        if (feed := state.get(FEED)) is not None:
            cast("dict[str, Any]", self.state)[FEED] = copy.deepcopy(feed)

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 -- as the SDK has it
        """Settings from the environment, a .env file's among them. Raises SettingsError."""
        parse_environment_config({}, "")  # reads the .env file
        cls.append_builtin_config(cls.config_jsonschema)
        return read_environment(cls.config_jsonschema["properties"], cls._env_var_prefix, os.environ)

    @classmethod
    def config_errors(cls, config: Mapping[str, Any]) -> list[str]:
        """All that is wrong with settings, in words that show no secret."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        due = demanded(schema, config)
        errors = list(map(_explained, Draft7Validator(due).iter_errors(config)))
        if not errors:  # then the SDK's fills in the defaults: it fails at a null where an object is due
            list(JSONSchemaValidator(due).iter_errors(config))
        if not errors and (batches := config.get("batch_config")):
            try:
                BatchConfig.from_dict(batches)
            except (TypeError, ValueError) as error:
                errors = [f"batch_config: {error}"]
        known = schema["properties"]
        return [
            *errors,
            *_missing_for_batches(config),
            *unknown_settings(config, known, sister=OF_THE_TARGET, tell=cls.logger.info),
        ]

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """What is wrong with the settings. Raises SettingsError."""
        errors = self.config_errors(self._config)
        if errors and raise_errors:
            raise SettingsError(sentence(f"Settings: {'; '.join(errors)}"))
        return errors

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End between two lines; ``run`` writes the state."""
        ended = Terminated(signum)
        if self.message_writer.is_writing:
            self.message_writer.interruption = ended
        else:
            raise ended


def _in_one_line(command: click.Command) -> click.Command:
    """The command, with one line for a wrong use where click writes four."""
    make_context = command.make_context

    def make(*args: Any, **more: Any) -> click.Context:
        try:
            return make_context(*args, **more)
        except click.UsageError as error:
            raise click.UsageError(f"{error.format_message()} See `{command.name} --help`.") from None

    command.make_context = make  # type: ignore[method-assign]
    return command


def _read(file: IO[str] | None, what: str, check: Callable[[Any], None]) -> dict[str, Any] | None:
    """What a file holds, once it has the right shape; None for no state. Raises SettingsError for another."""
    if file is None:
        return None
    text = read_open(cast("TextIO", file).buffer, what)
    if what == STATE and not text.strip():
        return None  # of a first run, or of one that failed before it had any
    content: dict[str, Any] = read_json(text, what)
    if what == STATE:
        content = unwrapped_state(content)
    check(content)
    return content


def _check_state(state: Any) -> None:
    check_shape(state)
    check_feed(state)


def _unreadable_entries(state: Any) -> dict[str, str]:
    """Streams whose entry of the state is not as this tap writes it, and what is wrong with it.

    An entry that is not understood must not be read as none: that would read everything again. It costs
    its stream, and goes out as it came, until a person has mended it.
    """
    bookmarks = mapping(mapping(state).get("bookmarks"))
    found = {name: _why_unreadable(name, entry) for name, entry in bookmarks.items()}
    return {name: why for name, why in found.items() if why is not None}


def _why_unreadable(name: str, entry: Any) -> str | None:
    where = f"state: bookmarks: {name}"
    try:
        check_entry(name, entry)
        check_mark(f"{where}: deleted", entry.get("deleted"))
        check_marks(f"{where}: modules", entry.get("modules"))
    except SettingsError as error:
        return error.message
    return None


def _missing_for_batches(config: Mapping[str, Any]) -> list[str]:
    """What files of records need and is not installed."""
    wanted = config.get("batch_config")
    encoding = wanted.get("encoding") if isinstance(wanted, dict) else None
    is_parquet = isinstance(encoding, dict) and encoding.get("format") == "parquet"
    if not is_parquet or find_spec("pyarrow") is not None:
        return []
    return [
        "batch_config: Parquet needs pyarrow; pip install 'bigin-singer[parquet]' brings it, jsonl needs none"
    ]


def _explained(error: Any) -> str:
    """What is wrong with a setting, without its value where that is a secret."""
    name = str(error.path[0]) if error.path else ""
    if name in SECRETS:
        return f"{name}: a {type(error.instance).__name__}, but it takes a text"
    if error.validator == "additionalProperties":
        return f"{name}: {'; '.join(unknown_settings(error.instance, error.schema['properties']))}"
    hint = did_you_mean(str(error.instance), error.validator_value) if error.validator == "enum" else ""
    return f"{name}: {error.message}{hint}" if name else error.message
