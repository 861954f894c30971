"""Estimates an audit's hours, memory and money before a weight is downloaded. No torch."""
