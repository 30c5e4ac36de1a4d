"""The audit of a model: what it stores, what it could hold, what it needs, what it wastes."""
