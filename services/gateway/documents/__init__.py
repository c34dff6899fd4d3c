"""OpenAPI and AsyncAPI documents of all four services as one."""
