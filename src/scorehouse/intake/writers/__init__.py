"""Writing results files: the transmission format, the two tables, what stands beside them."""
