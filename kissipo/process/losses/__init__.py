"""Answer against truth -> one number, one loss a file (S06).

Each file has `loss(outputs, targets, *, probabilities=False)`, the mean over the batch; PROPER names the answers that it
suits. Outputs are logits unless `probabilities` is true. `slope(outputs, targets)`, where it is written out, gives the loss of
logits and its derivative; elsewhere autograd finds it.
"""
