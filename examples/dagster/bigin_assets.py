"""Bigin's organisations as partitions of one asset; the work is done by the Meltano project beside it."""

import json
import subprocess
from pathlib import Path

from dagster import AssetExecutionContext, Definitions, MaterializeResult, StaticPartitionsDefinition, asset

organisations = StaticPartitionsDefinition(["org1", "org2", "org3"])


@asset(partitions_def=organisations, pool="bigin")
def bigin(context: AssetExecutionContext) -> MaterializeResult:
    """Load an organisation, and show what its run's report says."""
    name = context.partition_key
    Path("output").mkdir(exist_ok=True)
    subprocess.run(["meltano", "run", f"tap-bigin--{name}", f"target-duckdb--{name}"], check=True)
    report = json.loads(Path(f"output/{name}.run.json").read_text())
    return MaterializeResult(
        metadata={key: report[key] for key in ("records", "calls", "credits", "credits_remaining", "seconds")}
    )


defs = Definitions(assets=[bigin])
