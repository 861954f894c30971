"""Verdicts of past audits as tables over all limits: what `policy workbench` slides."""
