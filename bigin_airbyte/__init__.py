"""The tap as an Airbyte source: the command ``source-bigin`` with spec, check, discover and read."""
