"""Alembic migrations of the ledger, numbered; run when a ledger is opened."""
