"""One file per command of `gatekeeper policy`, each with its `COMMAND`. Found by `catalog.py`."""
