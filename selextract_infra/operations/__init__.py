"""One module per operation: the whole flow, readable as a runbook."""
