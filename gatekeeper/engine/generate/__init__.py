"""Replies of a model to prompts under masks, many at a time."""
