"""How many random labels networks memorise, measured by training many of them."""
