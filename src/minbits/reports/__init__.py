"""The page of what a ledger and records hold: numbers first, then charts, then HTML."""
