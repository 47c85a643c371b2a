"""What travels and how it ends: the record, the ledger, the report."""
