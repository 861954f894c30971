"""Random checkpoints in the shape of published models: for memory and time, no meaning."""
