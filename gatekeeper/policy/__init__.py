"""A policy and evidence in, a verdict out: load, lint, explain, evaluate."""
