"""What a reading of test is worth: one pass a model, slices, calibration, checks for leaks, comparisons of runs."""
