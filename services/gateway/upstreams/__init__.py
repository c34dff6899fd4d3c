"""The three services behind the gateway: one deadline, few retries, a breaker, a bounded number in flight."""
