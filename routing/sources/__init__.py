"""One file for each source of a location; each turns what the network sent into fixes."""
