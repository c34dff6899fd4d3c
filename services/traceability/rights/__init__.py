"""Whose an object is: what the event of one party may do to the objects of another."""
