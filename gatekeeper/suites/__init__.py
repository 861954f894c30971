"""Prompt suites: reading, checking, splitting."""
