"""Checks that hooks act as every number takes it, and that each shortcut changes no reply."""
