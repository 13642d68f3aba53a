"""The whole application, in a process of its own, under whatever its document allows; and clients made from it."""
