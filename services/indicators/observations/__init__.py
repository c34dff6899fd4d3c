"""Reported figures: values and batch results, on two time axes. A change is a new row with its reason."""
