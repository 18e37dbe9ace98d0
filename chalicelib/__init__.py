"""Viberdesk: a Viber bot as a customer-service desk that bills itself."""
