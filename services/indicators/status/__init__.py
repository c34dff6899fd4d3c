"""The light of each target, area and day, explained by one sentence."""
