"""Where prompts can be had from: one file per kind of file or package, each with `IMPORTER`."""
