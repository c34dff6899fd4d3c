"""Parties, places, products and lots are registered and read."""
