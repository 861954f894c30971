"""Pure numpy: arrays and a seed in, records out. Nothing here reads a file."""
