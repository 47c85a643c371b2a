"""Bigin's organisations, a mapped task each; the work is done by the Meltano project beside it."""

import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import Param, dag, task

ORGANISATIONS = ["org1", "org2", "org3"]


@dag(
    schedule="15 * * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # two runs of one organisation at a time would pay twice
    params={"organisations": Param(ORGANISATIONS, type="array")},
)
def bigin():
    """Load every organisation."""

    @task
    def chosen(params: dict) -> list[str]:
        return params["organisations"]

    # A slot of the pool each: how many organisations are read at a time, over all runs.
    @task(pool="bigin", execution_timeout=timedelta(hours=2))
    def load(organisation: str) -> None:
        Path("output").mkdir(exist_ok=True)
        pipe = [f"tap-bigin--{organisation}", f"target-duckdb--{organisation}"]
        subprocess.run(["meltano", "run", *pipe], check=True)

    load.expand(organisation=chosen())


run = bigin()
