"""Makes a study's pairs with a strategy of `pairing`, in the foreground or in the background."""
