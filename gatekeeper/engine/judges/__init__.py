"""Judges that need a model of their own, and what hands it to them."""
