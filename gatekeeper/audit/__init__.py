"""The use case: from a request to a prepared model, a selection, trials and evidence."""
