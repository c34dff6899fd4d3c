"""Counts and rates that come from other services' events: projections, computed from dates when asked."""
