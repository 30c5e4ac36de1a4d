"""Where trials run: executors of the shape of `concurrent.futures.Executor`."""
