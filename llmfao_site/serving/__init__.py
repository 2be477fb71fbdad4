"""How gunicorn serves the site: nobody who is slow holds a thread, and processes are replaced without a pause.

gunicorn's master loads these modules before the site, and keeps them over a reload. So they import
nothing at the top that loads Django or the site.
"""
