"""One file per subcommand: parse, call, write, exit. Found by `catalog.py`."""
