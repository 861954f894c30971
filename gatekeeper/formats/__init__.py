"""One file per report format: a `ReportView` in, bytes out. Found by `catalog.py`."""
