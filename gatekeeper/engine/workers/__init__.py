"""More processes that answer prompts, on this machine or on a Ray cluster."""
