"""Scripts that build what the repository ships; not part of the installed package."""
