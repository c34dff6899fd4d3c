"""Demo accounts and data. Accounts exist only with `--demo`; data is loaded through the public HTTP API only."""
