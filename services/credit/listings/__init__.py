"""The red and black list (质量诚信红黑榜): a procedure that the machine enforces, publication, removal."""
