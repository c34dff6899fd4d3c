"""What was told: events, the objects that they name, and the edges that these make between objects."""
