"""One file per model_type that is an exception to `default.py`."""
