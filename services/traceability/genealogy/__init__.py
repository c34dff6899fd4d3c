"""The lot graph: what was made from what, what is in what, who holds how much."""
