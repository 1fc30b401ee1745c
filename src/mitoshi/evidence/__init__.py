"""The only place where science meets data: run, verify, bundle, and what people read of them."""
