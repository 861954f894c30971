"""Shows on a GPU, in one command, that masks, counts and verdicts are those of the CPU."""
