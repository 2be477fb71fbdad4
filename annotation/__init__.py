"""Studies in which people compare models' answers: data, pairs, voting, and the pages and API for both sides."""
