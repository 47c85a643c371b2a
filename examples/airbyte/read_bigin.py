"""Bigin into DuckDB by PyAirbyte. Each run goes on from the state of the one before."""

import json
import shutil
from pathlib import Path

import airbyte as ab

source = ab.get_source(
    "source-bigin",
    local_executable=shutil.which("source-bigin"),
    config=json.loads(Path("config.json").read_text()),
    streams=["Accounts", "Contacts", "Pipelines", "Notes", "deleted_records", "users"],
)
source.check()
result = source.read(cache=ab.DuckDBCache(db_path="warehouse.duckdb", schema_name="bigin"))
print(f"read: {result.processed_records} records")
