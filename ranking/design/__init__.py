"""Which pair is worth the next vote, and when enough have been cast. Pure: no database, randomness is given."""
