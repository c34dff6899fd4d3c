"""The cases, one module for each kind of work. Importing this package registers them."""
