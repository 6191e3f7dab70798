"""Side-by-side benchmarks: ours and its floor in turn, in one run; what counts is the ratio."""
