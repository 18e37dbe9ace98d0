"""The laptop demo: everything Viberdesk talks to, without an AWS or a Viber account."""
