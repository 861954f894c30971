"""Loads a checkpoint, finds its routers, and masks experts with hooks."""
