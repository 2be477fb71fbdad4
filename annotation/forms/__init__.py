"""The forms of the administrator's pages; subject packages carry out the changes."""
