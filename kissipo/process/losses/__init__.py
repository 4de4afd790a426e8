"""Loss functions, one per file: output and target -> a scalar (S06).

Each file has `loss(outputs, targets, *, probabilities=False)`, the mean over the batch.
SUITABLE_ANSWERS lists the answers that the loss suits. Outputs are logits unless
`probabilities` is true. Some files have `gradient(outputs, targets)`, which returns the
loss of logits and its derivative. For the other losses autograd computes it.
"""
