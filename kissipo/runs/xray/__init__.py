"""One sample from the inside: what it is for each kind of run, its page, and examples for the report."""
