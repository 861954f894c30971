"""One file per metric: evidence in, `Finding` or `Missing` out. Found by `catalog.py`."""
