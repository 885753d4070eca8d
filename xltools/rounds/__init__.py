"""A collection round in one folder: handed out, collected, chased, superseded, merged.  The ledger remembers."""
