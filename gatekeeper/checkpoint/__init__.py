"""Describes a checkpoint from its config and tensor headers alone: no torch, no weights."""
