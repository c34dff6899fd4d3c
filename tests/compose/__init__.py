"""`make compose-test`: the composed system for real, from the image to the last volume. Not part of `make test`."""
