"""Reading: bytes in, `Filing` out.  Judges nothing; what is wrong becomes facts for the checks."""
