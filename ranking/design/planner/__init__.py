"""What a study can tell, before it runs: simulated studies under stated assumptions. Pure: randomness is given."""
