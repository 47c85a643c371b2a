"""One call on its way: token, gate, retry, meter, log, and what its answer means."""
