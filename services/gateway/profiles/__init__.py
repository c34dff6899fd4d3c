"""The whole public picture of an enterprise, put together of what the other domains keep."""
