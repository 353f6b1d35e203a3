"""The Stasis application: takes calls to 110 from Asterisk and brings each one to a desk."""
