"""How gunicorn serves the site: slow clients hold no thread, and processes are replaced without a pause.

gunicorn's master loads these modules before the site and keeps them across reloads. So at the top they import nothing
that loads Django or the site.
"""
