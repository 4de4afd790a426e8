"""Two-way doors between the values that people know and the tensors that nets know; saved with the weights, as JSON."""
