"""Past bundles with an index, and what another policy would have said of them."""
