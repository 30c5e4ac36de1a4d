"""One file a job: what it is asked, what it does, and the report that it returns."""
