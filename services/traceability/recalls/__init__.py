"""Recalls (召回): a case with a legal clock, from one lot to every lot and holder that it reached."""
