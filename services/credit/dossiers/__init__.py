"""The credit file of an enterprise: what the other domains keep of it, as far as the reader may see it."""
