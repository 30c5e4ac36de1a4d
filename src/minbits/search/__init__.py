"""Finding small networks: candidates, trials, workers and the driver."""
