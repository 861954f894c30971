"""Builds the bundled demo: two tiny MoE chat checkpoints and their prompt suite."""
