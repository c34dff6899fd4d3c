"""The plan's targets and their lights in every area."""
