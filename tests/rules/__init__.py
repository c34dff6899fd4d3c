"""Checks of the code base itself: what the design promises about its shape."""
