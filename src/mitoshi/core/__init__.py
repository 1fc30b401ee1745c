"""The vocabulary of the house and the one declaration, `method`. Nothing here touches a file."""
