"""From a sentence to a wired pipeline: the only code that knows all stages."""
