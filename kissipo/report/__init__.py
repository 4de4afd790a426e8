"""Pages that open offline, nothing fetched: the report of words, tables and drawings, without a script; a text colored by a neuron."""
