"""Looking into any net: traces, breakdowns of a number, unrolled layers, attribution, costs, gradients through time."""
