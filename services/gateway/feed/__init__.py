"""Public notices in the order in which this city's gateway learned them."""
