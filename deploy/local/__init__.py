"""A private PostgreSQL and a private Kafka on this machine, for tests, benches and trying the city mode out."""
