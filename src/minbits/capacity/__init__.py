"""What a network can hold: formulas with their assumptions, measurements, the audit of a model.

Nothing in this room knows the ledger; the pipeline brings together what was found and what is said
here. The formulas never import PyTorch; measuring and auditing do.
"""
