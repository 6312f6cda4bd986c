"""Training of the heads that ship: from public data sets and own templates to weights, calibration and thresholds."""
