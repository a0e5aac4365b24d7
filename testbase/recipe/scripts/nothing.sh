# The layer is the root as it is.
:
