"""Opens judges, and loads the local models that some of them need."""
