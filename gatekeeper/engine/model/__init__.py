"""A checkpoint in memory: loading it, finding its routers, and the hooks that mask experts."""
