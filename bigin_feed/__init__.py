"""The live feed: Bigin's notifications in a durable log, and who keeps them coming."""
