"""What `manage.py demo` needs: checks before the installation, child processes, and their watchdog."""
