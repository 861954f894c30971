"""What a checkpoint is, read from its config and tensor headers alone: no torch, no weights."""
