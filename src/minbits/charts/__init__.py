"""Charts and tables: nothing here computes a result, it only shows."""
