"""Accounts of the people who run studies: invitations, passwords and deactivation."""
