"""FastAGI: the same decisions as the Stasis application, for the dialplan when no app answers."""
