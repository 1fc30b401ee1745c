"""Science, pure: arrays in, arrays out; one file per method family."""
