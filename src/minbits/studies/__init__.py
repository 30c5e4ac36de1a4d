"""Studies: many small measurements, each one a row that is kept."""
