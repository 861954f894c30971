"""Generates a model's replies to prompts under masks, many at a time."""
