"""Checks a bundle against itself: derives again what it says from what it measured."""
