"""The ledger: everything ever tried, append-only, and the network files it names."""
