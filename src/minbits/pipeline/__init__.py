"""The main job: search, ledger, verification and diagram, connected."""
