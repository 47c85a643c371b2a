"""run.py [ORGANISATION…]: materialize these partitions, or all that have not been since they last failed."""

import sys
from concurrent.futures import ThreadPoolExecutor

from bigin_assets import bigin, organisations
from dagster import DagsterInstance, materialize

instance = DagsterInstance.get()


def is_due(name: str) -> bool:
    """Whether its latest run failed, or there was none."""
    status = instance.get_status_by_partition(bigin.key, organisations.get_partition_keys(), organisations)
    return status is None or status.get(name) is None or status[name].value != "MATERIALIZED"


def load(name: str) -> bool:
    """Materialize one partition."""
    return materialize([bigin], partition_key=name, instance=instance, raise_on_error=False).success


names = sys.argv[1:] or [name for name in organisations.get_partition_keys() if is_due(name)]
with ThreadPoolExecutor(3) as side_by_side:
    results = dict(zip(names, side_by_side.map(load, names), strict=True))
print(results)
sys.exit(not all(results.values()))
