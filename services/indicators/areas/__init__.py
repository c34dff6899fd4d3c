"""Areas as this service uses them: the shared registry, and the tree of what is known below one area."""
