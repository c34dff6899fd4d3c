"""What starts a new part of the code: a domain of a service (`make new-domain`), a migration (`make migration`)."""
