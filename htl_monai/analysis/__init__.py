"""What pruning hits: impact by class, groups of patients, comparisons of arms, checks against a planted truth."""
