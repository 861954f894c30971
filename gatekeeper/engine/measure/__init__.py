"""Measures inside a model: routing, attributions, effects of masks, features."""
