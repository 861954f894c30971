"""Frozen records that flow through all of Gatekeeper. Wire formats live elsewhere."""
