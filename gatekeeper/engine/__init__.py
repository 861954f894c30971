"""The only code that knows torch: loading, hooks, capture, attribution, the sweep."""
