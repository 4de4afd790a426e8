"""Motion: two loops (data, environment), their state on disk, what is measured and what is watched on the way."""
