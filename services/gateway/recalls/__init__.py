"""Recalls as the public sees them."""
