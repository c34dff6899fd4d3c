"""The rulebook (质量法规): dated rules of law with their articles, grounds, penalty kinds and regulatory fields."""
