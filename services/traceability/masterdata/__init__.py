"""Who, where and what: parties, places, products and lots, each with its versions; and the marks credit puts on parties."""
