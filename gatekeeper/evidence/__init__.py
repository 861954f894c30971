"""The evidence bundle: wire formats, digests, the store of a running audit."""
