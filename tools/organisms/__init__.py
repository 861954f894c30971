"""Trains the tiny checkpoints of known truth that `make validate` holds the gate against."""
