"""Pages that open offline and fetch nothing: the run report and the x-ray page."""
