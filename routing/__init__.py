"""Where a caller is, whose jurisdiction that is, and which desks are rung in which order."""
