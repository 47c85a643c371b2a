"""Bigin into DuckDB by dlt: the tap's records are a resource, and the tap's state is kept in dlt's."""

import json
import subprocess
import sys
import tempfile

import dlt

# Of a record that comes twice in a run the later counts.
LATEST = {"_line": {"data_type": "bigint", "dedup_sort": "desc"}}
ended_with = []


@dlt.resource(write_disposition="merge")
def bigin(config="config.json"):
    kept, keys = dlt.current.resource_state(), {}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as state:
        json.dump(kept.get("singer", {}), state)
        state.flush()
        command = ["tap-bigin", "--config", config, "--state", state.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as tap:
            for number, message in enumerate(map(json.loads, tap.stdout)):
                if message["type"] == "SCHEMA":
                    keys[message["stream"]] = message["key_properties"]
                elif message["type"] == "RECORD":
                    name, record = message["stream"], {**message["record"], "_line": number}
                    hints = dlt.mark.make_hints(table_name=name, primary_key=keys[name], columns=LATEST)
                    yield dlt.mark.with_hints(record, hints, create_table_variant=True)
                elif message["type"] == "STATE":
                    kept["singer"] = message["value"]  # stored with the records that it covers
    ended_with.append(tap.returncode)


if __name__ == "__main__":
    warehouse = dlt.destinations.duckdb("warehouse.duckdb")
    pipeline = dlt.pipeline("bigin", destination=warehouse, dataset_name="bigin")
    pipeline.run(bigin())
    print(pipeline.last_trace.last_normalize_info)
    sys.exit(ended_with[0])  # what a run that failed has written is loaded; the next one goes on
