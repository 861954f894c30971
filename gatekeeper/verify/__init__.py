"""A bundle held against itself: what it says is derived again from what it measured."""
