"""Verdict for one code: lots and products as traceability announced them, joined with the producer's credit mark."""
