"""target-bigin: Singer messages → Bigin by Zoho CRM."""

from __future__ import annotations

import errno
import logging
import os
import select
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Any, ClassVar, cast

import click
import msgspec
from jsonschema import Draft7Validator
from singer_sdk import Target
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import (
    ConfigValidationError,
    MapExpressionError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
    StreamMapConfigError,
)
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers._compat import SingerSDKPythonEOLWarning
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform, StreamMap
from singer_sdk.plugin_base import JSONSchemaValidator, _ConfigInput
from singer_sdk.singerlib.exceptions import InvalidInputLine

from bigin_api import unknown_settings
from bigin_api.access.checkup import verdict
from bigin_api.errors import BiginError, SettingsError, did_you_mean
from bigin_api.run_files.run_report import write_failure
from bigin_api.run_files.standard_streams import keep_descriptors
from bigin_api.settings import demanded
from bigin_api.settings.environment import read_environment
from bigin_api.settings.files import read_settings
from target_bigin.checkup import examine
from target_bigin.engine import Engine
from target_bigin.input.batch_files import records_of
from target_bigin.input.reader import LINES_A_BEAT, Reader
from target_bigin.records.record import Fields, Reject, Spoiled
from target_bigin.settings_schema import CONFIG_JSONSCHEMA, OF_THE_TAP
from target_bigin.sink import BiginSink

SECRETS = frozenset(
    name for name, setting in CONFIG_JSONSCHEMA["properties"].items() if setting.get("secret")
)

MELTANO_TEST = "meltano_test_stream"
"""The stream that `meltano config test` sends to every loader."""

EXPECTED = (
    BiginError,
    InvalidInputLine,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
"""What ends a run by a line that says what to do."""


class TargetBigin(Target):
    """Writes Singer streams to Bigin by Zoho CRM: every record settled, at the lowest price in credits."""

    name = "target-bigin"
    package_name = "bigin-singer"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    default_sink_class = BiginSink
    message_reader_class = Reader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.ACTIVATE_VERSION,
        TargetCapabilities.SOFT_DELETE,
    ]

    def __init__(self, **options: Any) -> None:
        with warnings.catch_warnings():
            # Python 3.10 is supported; that it ends would be said at each start.
            warnings.simplefilter("ignore", SingerSDKPythonEOLWarning)
            super().__init__(**options)
        if not self.logger.isEnabledFor(logging.DEBUG):
            self.metrics_logger.setLevel(logging.WARNING)  # METRIC lines
        self.max_parallelism = 1
        self._plain_sinks: dict[str, BiginSink] = {}  # of streams that no map touches
        try:
            self.engine = Engine(self.config, emit=_emit)
        except BiginError as error:
            write_failure(self.name, self.config, error)
            raise
        if isinstance(self.message_reader, Reader):
            self.message_reader.on_beat = self.engine.tick
            self.message_reader.on_failure = self.engine.abort

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the command. Exit code 1 with one clear line last if anything went wrong."""
        try:
            super().invoke(about=about, about_format=about_format, config=config, file_input=file_input)
        except Exception as error:  # noqa: BLE001 -- told below
            _let_go_of_stdout()
            cls._tell(error)
            sys.exit(1)

    @classmethod
    def _tell(cls, error: Exception) -> None:
        """What ends a run, in a line that a person can act on; no traceback."""
        if isinstance(error, ConfigValidationError):
            told = error.errors
        elif isinstance(error, OSError):
            told = [f"{error.filename or 'stdout'} cannot be written ({error.strerror})."]
        elif isinstance(error, EXPECTED):
            told = [" ".join(str(error).split())]
        else:
            cls.logger.debug("", exc_info=error)
            what = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            safe = "What was settled is safe, and the next run goes on from the last state."
            where = "LOGLEVEL=DEBUG shows where it happened; please report it."
            told = [f"Nobody foresaw this: {what}. {safe} {where}"]
        for line in told:
            cls.logger.error("%s", line)

    @classmethod
    def cb_config(
        cls,
        ctx: click.Context,
        param: click.Option,  # noqa: ARG003
        value: tuple[str, ...],
    ) -> _ConfigInput:
        """Settings from files and, for ``ENV``, from the environment; what cannot be read is one line."""
        try:
            files = [read_settings(path) for path in value if path != "ENV"]
        except SettingsError as error:
            cls.logger.error("%s", error.message)  # noqa: TRY400 -- one line, for a person
            ctx.exit(1)
        merged = {name: each for file in files for name, each in file.items()}
        return _ConfigInput(config=merged, parse_env="ENV" in value)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, with the option ``--test`` that taps have."""
        keep_descriptors()
        command = super().get_singer_command()
        about = "Check settings, token and rights, as `bigin doctor` does; nothing is read or written."
        command.params.append(
            click.Option(["--test"], is_flag=True, expose_value=False, callback=cls.cb_test, help=about)
        )
        make_context = command.make_context

        def in_one_line(*args: Any, **more: Any) -> click.Context:
            try:
                return make_context(*args, **more)
            except click.UsageError as error:  # click writes four
                raise click.UsageError(f"{error.format_message()} See `{command.name} --help`.") from None

        command.make_context = in_one_line  # type: ignore[method-assign]
        return command

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001
        """Say whether a run could begin. Exits with 1 if it would fail."""
        del param
        if not value:
            return
        config: Any = ctx.params.get("config")
        try:
            target = cls(
                config=getattr(config, "config", None), parse_env_config=getattr(config, "parse_env", False)
            )
            target.tell_verdict()
        except (ConfigValidationError, *EXPECTED) as error:
            cls._tell(error)
            ctx.exit(1)
        ctx.exit()

    def tell_verdict(self) -> None:
        """Say what `bigin doctor` says. Raises BiginError with the verdict if a run would fail."""
        checkup = examine(self.engine.client, self.engine.settings)
        for problem in checkup.problems:
            self.logger.warning("%s %s", problem.what, problem.do)
        told = verdict(checkup.problems)
        if any(each.severity == "error" for each in checkup.problems):
            raise BiginError(told)
        self.logger.info("%s", told)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """The SDK's stream maps and flattening; not its load methods and batches, which mean nothing here."""
        super(Target, cls).append_builtin_config(config_jsonschema)

    def process_endofpipe(self) -> None:
        """Settle everything, report, and judge the run."""
        super().process_endofpipe()
        try:
            self.engine.finish()
        except BaseException:
            self.engine.abort()
            raise

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 -- as the SDK has it
        """Settings from the environment, a .env file's among them. Raises SettingsError."""
        parse_environment_config({}, "")  # reads the .env file
        cls.append_builtin_config(cls.config_jsonschema)
        return read_environment(cls.config_jsonschema["properties"], cls._env_var_prefix, os.environ)

    @classmethod
    def config_errors(cls, config: Mapping[str, Any]) -> list[str]:
        """All that is wrong with settings, in words that show no secret."""
        cls.append_builtin_config(cls.config_jsonschema)
        due = demanded(cls.config_jsonschema, config)
        errors = list(map(_config_error, Draft7Validator(due).iter_errors(config)))
        if not errors:  # then the SDK's fills in the defaults: it fails at a null where an object is due
            list(JSONSchemaValidator(due).iter_errors(config))
        known = cls.config_jsonschema["properties"]
        return [*errors, *unknown_settings(config, known, sister=OF_THE_TAP, tell=cls.logger.info)]

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """As the SDK, but a secret of the wrong type is not shown."""
        errors = self.config_errors(self._config)
        if errors and raise_errors:
            raise ConfigValidationError(
                "Config validation failed", errors=errors, schema=self.config_jsonschema
            )
        return errors

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        """As the SDK; and note whether the stream's records need its maps at all."""
        if message_dict.get("stream") == MELTANO_TEST:
            self.tell_verdict()  # `meltano config test`: nothing is written
            return
        _require_schema(message_dict)
        try:
            super()._process_schema_message(message_dict)
        except (MapExpressionError, StreamMapConfigError) as error:
            raise SettingsError(f"stream_maps: {error}") from error
        stream = message_dict["stream"]
        maps = self.mapper.stream_maps[stream]
        if len(maps) == 1 and type(maps[0]) is SameRecordTransform and not maps[0].flattening_enabled:
            self._plain_sinks[stream] = cast("BiginSink", self.get_sink(maps[0].stream_alias))
        else:
            self._plain_sinks.pop(stream, None)

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Straight to the sink, or through the stream maps where there are any.

        The SDK would drop a record of null without a word, end the run by a map that fails for one
        record, and its way costs as much as converting a record of thirty fields.
        """
        stream = _stream_of(message_dict)
        if stream == MELTANO_TEST:
            return
        record = message_dict.get("record")
        if not isinstance(record, dict):
            record = Spoiled({}, Reject("invalid", "INVALID_VALUE", f"no record came but {_shown(record)}."))
        sink = self._plain_sinks.get(stream)
        if sink is not None:
            sink.process_record(record)
            return
        self._assert_schema_came(stream)
        for each in self.mapper.stream_maps[stream]:
            mapped = None if isinstance(each, RemoveRecordTransform) else _mapped(each, record)
            if mapped is not None:
                cast("BiginSink", self.get_sink(each.stream_alias)).process_record(mapped)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """It goes out when all records before it are settled."""
        self._assert_line_requires(message_dict, requires={"value"})
        self.engine.queue_state(message_dict["value"])

    def _write_state_message(self, state: dict[str, Any]) -> None:
        """The SDK's own moment for it knows nothing of what is settled."""

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """All records of a version have been read."""
        self._assert_line_requires(message_dict, requires={"stream", "version"})
        if _stream_of(message_dict) == MELTANO_TEST:
            return
        self._assert_schema_came(message_dict["stream"])
        if type(message_dict["version"]) is not int:
            shown = f"{message_dict['stream']}: the version of an ACTIVATE_VERSION is no whole number"
            raise InvalidInputLine(f"{shown} but {message_dict['version']!r}.")
        for stream_map in self.mapper.stream_maps[message_dict["stream"]]:
            self.get_sink(stream_map.stream_alias).activate_version(message_dict["version"])

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        """Each record of the files as if it had come by itself, stream maps included."""
        self._assert_line_requires(message_dict, requires={"stream", "encoding", "manifest"})
        stream = _stream_of(message_dict)
        self._assert_schema_came(stream)
        for number, record in enumerate(records_of(message_dict), 1):
            self._process_record_message({"stream": stream, "record": record})
            if number % LINES_A_BEAT == 0:
                self.engine.tick()

    def _assert_schema_came(self, stream: str) -> None:
        if stream not in self.mapper.stream_maps:
            raise RecordsWithoutSchemaException(f"{stream}: its SCHEMA message has not come yet.")

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End in good order: what is in flight is settled. A second signal ends at once."""
        del frame
        signal.signal(signum, signal.SIG_DFL)
        if not hasattr(self, "engine"):
            sys.exit(1)  # nothing has begun yet
        self.engine.terminate(
            f"Ended by {signal.Signals(signum).name}. The last state is safe: the next run goes on from it."
        )


def _stream_of(message: Mapping[str, Any]) -> str:
    """The stream that a message names. Raises InvalidInputLine."""
    stream = message.get("stream")
    if type(stream) is not str:
        raise InvalidInputLine(f"Not a Singer {message.get('type')}: its stream is {_shown(stream)}.")
    return stream


def _mapped(stream_map: StreamMap, record: Fields) -> Fields | None:
    """What a stream map makes of a record, None if it leaves the record out."""
    if isinstance(record, Spoiled):
        return record  # no map can tell what it was
    try:
        found: Fields | None = stream_map.transform(dict(record))
    except Exception as error:  # noqa: BLE001 -- whatever an expression of the user's runs into
        told = f"a stream map of {stream_map.stream_alias} fails for it: {error}"
        return Spoiled(record, Reject("invalid", "STREAM_MAP", told))
    return found


def _require_schema(message: Mapping[str, Any]) -> None:
    """Raises InvalidInputLine for a SCHEMA that is none."""
    stream = _stream_of(message)
    described, key = message.get("schema"), message.get("key_properties")
    properties = described.get("properties", {}) if isinstance(described, dict) else None
    if not isinstance(properties, dict):
        raise InvalidInputLine(f"{stream}: the schema of its SCHEMA message is {_shown(described)}.")
    if not isinstance(key, list | None) or not all(isinstance(name, str) for name in key or ()):
        raise InvalidInputLine(f"{stream}: the key_properties of its SCHEMA message are {_shown(key)}.")


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _config_error(error: Any) -> str:
    where = ".".join(str(part) for part in error.path)
    if error.path and error.path[0] in SECRETS:
        return f"{where}: expected {error.schema.get('type', 'another value')}; the value is not shown."
    if error.validator == "required":
        return f"{error.message}. The README tells how to get it for your data center."
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return f"{where}: {'; '.join(unknown_settings(error.instance, known))}"
    hint = did_you_mean(str(error.instance), error.validator_value) if error.validator == "enum" else ""
    return f"{where}: {error.message}{hint}" if where else str(error.message)


def _let_go_of_stdout() -> None:
    """What nobody reads any more must not fail once more when the process ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- until the process ends


def _emit(state: msgspec.Raw) -> None:
    """Write a state as it came, whole: unbuffered output takes a part at a time, and less at a signal."""
    line = bytes(state) + b"\n"
    if sys.stdout is None:
        raise OSError(errno.EBADF, "closed")
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:  # a text in memory
        sys.stdout.write(line.decode(errors="surrogateescape"))
        return
    left = memoryview(line)
    while left:
        written = raw.write(left)
        if written is None:  # a pipe that does not block, and is full
            select.select([], [raw], [])
        left = left[written or 0 :]
    sys.stdout.flush()
