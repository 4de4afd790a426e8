"""X-ray of one example: for each kind of run, its page, and examples for the report."""
