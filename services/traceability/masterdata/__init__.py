"""Who, where and what: parties, places, products and lots with their versions, and the marks that credit puts on."""
